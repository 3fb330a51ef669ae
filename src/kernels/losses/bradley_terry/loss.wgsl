// Bradley-Terry: loss = softplus(-(a - b)),   d loss / d a = -sigmoid(-(a - b)) = -(d loss / d b)

struct Hyperparameters {
  none: f32,
}

fn score_loss(pair: ScorePair, h: Hyperparameters) -> ScoreLoss {
  let z = pair.chosen - pair.rejected;
  return ScoreLoss(softplus(-z), -sigmoid(-z), sigmoid(-z));
}

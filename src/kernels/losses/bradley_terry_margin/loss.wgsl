// Bradley-Terry with a margin m per pair: loss = softplus(-z), z = a - b - s m,   d loss / d a = -sigmoid(-z) = -(d loss / d b)

struct Hyperparameters {
  margin_scale: f32,
}

fn score_loss(pair: ScorePair, h: Hyperparameters) -> ScoreLoss {
  let z = pair.chosen - pair.rejected - h.margin_scale * pair.margin;
  return ScoreLoss(softplus(-z), -sigmoid(-z), sigmoid(-z));
}

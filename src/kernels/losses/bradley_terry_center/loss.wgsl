// Bradley-Terry, centred: loss = softplus(-(a - b)) + c (a + b)^2,   d loss / d a, b = -+ sigmoid(-(a - b)) + 2 c (a + b)

struct Hyperparameters {
  center_rewards_coefficient: f32,
}

fn score_loss(pair: ScorePair, h: Hyperparameters) -> ScoreLoss {
  let z = pair.chosen - pair.rejected;
  let sum = pair.chosen + pair.rejected;
  let pull = 2.0 * h.center_rewards_coefficient * sum;
  return ScoreLoss(
    softplus(-z) + h.center_rewards_coefficient * sum * sum,
    pull - sigmoid(-z),
    pull + sigmoid(-z),
  );
}

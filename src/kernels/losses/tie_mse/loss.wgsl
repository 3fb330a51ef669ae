// Tied pairs: loss = (a - b)^2,   d loss / d a = 2 (a - b) = -(d loss / d b)

struct Hyperparameters {
  none: f32,
}

fn score_loss(pair: ScorePair, h: Hyperparameters) -> ScoreLoss {
  let z = pair.chosen - pair.rejected;
  return ScoreLoss(z * z, 2.0 * z, -2.0 * z);
}

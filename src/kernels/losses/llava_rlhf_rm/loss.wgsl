// LLaVA-RLHF: loss = softplus(-(a - b)) + c mean_sign (a + b), whose mean is c |mean(a + b)|; mean_sign is shared by the batch.
// d loss / d a, b = -+ sigmoid(-(a - b)) + c mean_sign

struct Hyperparameters {
  center_weight: f32,
  mean_sign: f32,
}

fn score_loss(pair: ScorePair, h: Hyperparameters) -> ScoreLoss {
  let z = pair.chosen - pair.rejected;
  let pull = h.center_weight * h.mean_sign;
  return ScoreLoss(softplus(-z) + pull * (pair.chosen + pair.rejected), pull - sigmoid(-z), pull + sigmoid(-z));
}

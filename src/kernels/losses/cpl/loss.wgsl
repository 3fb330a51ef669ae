// CPL: loss = softplus(-z) - bc_coeff log pi(y_w), z = alpha (log pi(y_w) - bias log pi(y_l))

struct Hyperparameters {
  alpha: f32,
  bias: f32,
  bc_coeff: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let z = h.alpha * (pair.chosen - h.bias * pair.rejected);
  let slope = -h.alpha * sigmoid(-z);
  let loss = softplus(-z) - h.bc_coeff * pair.chosen;
  return PairLoss(loss, logp_rewards(pair, h.alpha), gradients(slope - h.bc_coeff, -h.bias * slope));
}

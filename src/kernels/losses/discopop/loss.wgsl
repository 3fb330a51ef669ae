// DiscoPOP: loss = (1-m) softplus(-z) + m e^-z, m = sigmoid(z / tau), z = beta (h_w - h_l).
// m e^-z is one exponential: apart, the two factors are 0 and infinity for z far below 0.

struct Hyperparameters {
  beta: f32,
  tau: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let z = h.beta * (pair.chosen_log_ratio - pair.rejected_log_ratio);
  let m = sigmoid(z / h.tau);
  let rest = sigmoid(-z / h.tau);
  let exponential = exp(-z - softplus(-z / h.tau));
  let loss = rest * softplus(-z) + exponential;
  let slope = h.beta * (-m * rest / h.tau * softplus(-z) - rest * sigmoid(-z) + exponential * (rest / h.tau - 1.0));
  return PairLoss(loss, implicit_rewards(pair, h.beta), gradients(slope, -slope));
}

// WPO: loss = W softplus(-beta (h_w - h_l)), W = min(1, w_w w_l) under a stop-gradient.
// extra[0], extra[1]: weights w = exp(mean_t(log pi(y_t) - log sum_v pi_t(v)^2)) of the two answers

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let on_policy = min(1.0, pair.extra[0] * pair.extra[1]);
  let z = h.beta * (pair.chosen_log_ratio - pair.rejected_log_ratio);
  let slope = -on_policy * h.beta * sigmoid(-z);
  return PairLoss(on_policy * softplus(-z), implicit_rewards(pair, h.beta), gradients(slope, -slope));
}

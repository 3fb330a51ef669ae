// DDPO as released: loss = -log sigmoid(s_w - s_l), s = beta sum_t w_t l_t, w_t = gamma on corrected tokens, else 1:
// s = beta (h + (gamma-1) c).   extra[0], extra[1]: c, the log-ratio over corrected tokens, chosen and rejected

struct Hyperparameters {
  beta: f32,
  gamma: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let more = h.gamma - 1.0;
  let chosen = pair.chosen_log_ratio + more * pair.extra[0];
  let rejected = pair.rejected_log_ratio + more * pair.extra[1];
  let z = h.beta * (chosen - rejected);
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(
    softplus(-z),
    Rewards(h.beta * chosen, h.beta * rejected, z),
    gradients_with(slope, -slope, more * slope, -more * slope),
  );
}

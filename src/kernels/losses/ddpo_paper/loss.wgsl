// DDPO as in the paper: loss = -log sigmoid(s_w - s_l), s = beta (sum_t w_t l_t) / (sum_t w_t), w_t = gamma on corrected tokens,
// else 1. With sums over all and over corrected tokens: sum w l = h + (gamma-1) c, sum w = length + (gamma-1) n.
// extra: c of the chosen, the rejected answer; n of the chosen, the rejected answer

struct Hyperparameters {
  beta: f32,
  gamma: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let more = h.gamma - 1.0;
  let chosen_weight = pair.chosen_length + more * pair.extra[2];
  let rejected_weight = pair.rejected_length + more * pair.extra[3];
  let chosen = (pair.chosen_log_ratio + more * pair.extra[0]) / chosen_weight;
  let rejected = (pair.rejected_log_ratio + more * pair.extra[1]) / rejected_weight;
  let z = h.beta * (chosen - rejected);
  let by_chosen = -h.beta * sigmoid(-z) / chosen_weight;
  let by_rejected = h.beta * sigmoid(-z) / rejected_weight;
  return PairLoss(
    softplus(-z),
    Rewards(h.beta * chosen, h.beta * rejected, z),
    gradients_with(by_chosen, by_rejected, more * by_chosen, more * by_rejected),
  );
}

// LD-DPO: loss = -log sigmoid(beta (h'_w - h'_l)), h' = h + (ld_alpha - 1) * tail.
// extra[0], extra[1]: log-ratio over the tokens beyond the shorter answer's length, chosen and rejected

struct Hyperparameters {
  beta: f32,
  ld_alpha: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let rest = h.ld_alpha - 1.0;
  let chosen = pair.chosen_log_ratio + rest * pair.extra[0];
  let rejected = pair.rejected_log_ratio + rest * pair.extra[1];
  let z = h.beta * (chosen - rejected);
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(
    softplus(-z),
    Rewards(h.beta * chosen, h.beta * rejected, z),
    gradients_with(slope, -slope, rest * slope, -rest * slope),
  );
}

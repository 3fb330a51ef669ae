// TDPO-2: loss = -log sigmoid(beta ((h_w - h_l) - alpha (K_l - K_w))), K_w under a stop-gradient; rewards beta (h + K).
// extra[0], extra[1]: sequence KLs K of the rejected, the chosen answer

struct Hyperparameters {
  beta: f32,
  alpha: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let kl_rejected = pair.extra[0];
  let kl_chosen = pair.extra[1];
  let log_ratio_margin = pair.chosen_log_ratio - pair.rejected_log_ratio;
  let z = h.beta * (log_ratio_margin - h.alpha * (kl_rejected - kl_chosen));
  let slope = -h.beta * sigmoid(-z);
  let rewards = Rewards(
    h.beta * (pair.chosen_log_ratio + kl_chosen),
    h.beta * (pair.rejected_log_ratio + kl_rejected),
    h.beta * (log_ratio_margin + (kl_chosen - kl_rejected)),
  );
  return PairLoss(softplus(-z), rewards, gradients_with(slope, -slope, -h.alpha * slope, 0.0));
}

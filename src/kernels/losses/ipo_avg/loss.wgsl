// IPO on per-token averages: loss = (h_w/|y_w| - h_l/|y_l| - 1/(2 beta))^2; the gradients carry 1/|y|

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let margin = pair.chosen_log_ratio / pair.chosen_length - pair.rejected_log_ratio / pair.rejected_length;
  let error = margin - 1.0 / (2.0 * h.beta);
  return PairLoss(
    error * error,
    implicit_rewards(pair, h.beta),
    gradients(2.0 * error / pair.chosen_length, -2.0 * error / pair.rejected_length),
  );
}

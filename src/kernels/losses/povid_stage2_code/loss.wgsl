// POVID stage 2: loss = (1-mix) softplus(-beta (h_w - h_l)) + mix softplus(-beta (h_w - h_n)).
// extra[0]: h_n, log-ratio of the noisy image's argmax tokens, given the clean image

struct Hyperparameters {
  beta: f32,
  mix: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let text = h.beta * (pair.chosen_log_ratio - pair.rejected_log_ratio);
  let noisy = h.beta * (pair.chosen_log_ratio - pair.extra[0]);
  let by_text = h.beta * (1.0 - h.mix) * sigmoid(-text);
  let by_noise = h.beta * h.mix * sigmoid(-noisy);
  return PairLoss(
    (1.0 - h.mix) * softplus(-text) + h.mix * softplus(-noisy),
    implicit_rewards(pair, h.beta),
    gradients_with(-by_text - by_noise, by_text, by_noise, 0.0),
  );
}

// MODPO: loss = -log sigmoid(r_w - r_l), r = (beta h - w1 R1 - w2 R2) / w0, w0 = 1 - w1 - w2.
// extra: R1 and R2 of the chosen answer, R1 and R2 of the rejected one

struct Hyperparameters {
  beta: f32,
  w1: f32,
  w2: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let w0 = 1.0 - h.w1 - h.w2;
  let known_chosen = h.w1 * pair.extra[0] + h.w2 * pair.extra[1];
  let known_rejected = h.w1 * pair.extra[2] + h.w2 * pair.extra[3];
  let margin = h.beta * (pair.chosen_log_ratio - pair.rejected_log_ratio) - (known_chosen - known_rejected);
  let rewards = Rewards(
    (h.beta * pair.chosen_log_ratio - known_chosen) / w0,
    (h.beta * pair.rejected_log_ratio - known_rejected) / w0,
    margin / w0,
  );
  let slope = -h.beta / w0 * sigmoid(-rewards.margin);
  return PairLoss(softplus(-rewards.margin), rewards, gradients(slope, -slope));
}

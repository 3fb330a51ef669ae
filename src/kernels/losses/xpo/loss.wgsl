// XPO: loss = softplus(-z) + alpha logp_2, z = s beta (h_1 - h_2), s = 1 where the policy's answer 1 scores at least as high as the
// reference's answer 2. d loss / d (each token's log-probability) = -s beta sigmoid(-z) in 1, s beta sigmoid(-z) + alpha in 2

struct Hyperparameters {
  beta: f32,
  alpha: f32,
  missing_eos_penalty: f32,
}

fn answer_loss(first: u32, index: u32, h: Hyperparameters) -> AnswerLoss {
  let sign = select(-1.0, 1.0, rows[first].signal >= rows[first + 1u].signal);
  let z = sign * h.beta * (rows[first].log_ratio - rows[first + 1u].log_ratio);
  let slope = -sign * h.beta * sigmoid(-z);
  if (index == 0u) {
    return AnswerLoss(softplus(-z), slope);
  }
  return AnswerLoss(h.alpha * rows[first + 1u].logp, h.alpha - slope);
}

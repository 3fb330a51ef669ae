// Online DPO: loss = softplus(-z), z = s beta (h_1 - h_2), s = 1 where the first answer scores at least as high and -1 where not;
// d loss / d (each token's log-probability) = -+ s beta sigmoid(-z). The pair's loss is booked under its first answer.

struct Hyperparameters {
  beta: f32,
  missing_eos_penalty: f32,
}

fn answer_loss(first: u32, index: u32, h: Hyperparameters) -> AnswerLoss {
  let sign = select(-1.0, 1.0, rows[first].signal >= rows[first + 1u].signal);
  let z = sign * h.beta * (rows[first].log_ratio - rows[first + 1u].log_ratio);
  let slope = -sign * h.beta * sigmoid(-z);
  if (index == 0u) {
    return AnswerLoss(softplus(-z), slope);
  }
  return AnswerLoss(0.0, -slope);
}

// RLOO: loss = -min(rho A, clip(rho) A), rho = e^(log-ratio of the whole answer to the policy that sampled it), A its leave-one-out
// advantage; d loss / d (each token's log-probability) = -rho A where the clip is not active

struct Hyperparameters {
  beta: f32,
  epsilon: f32,
}

fn answer_loss(first: u32, index: u32, h: Hyperparameters) -> AnswerLoss {
  let answer = rows[first + index];
  let policy = clipped_ratio(answer.log_ratio, answer.signal, h.epsilon, h.epsilon);
  return AnswerLoss(policy.loss, policy.gradient);
}

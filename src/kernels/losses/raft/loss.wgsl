// RAFT: loss = -w logp with w = 1 / (tokens of all kept answers) for the best of a group and 0 for the others;
// d loss / d (each token's log-probability) = -w

struct Hyperparameters {
  none: f32,
}

fn answer_loss(first: u32, index: u32, h: Hyperparameters) -> AnswerLoss {
  let answer = rows[first + index];
  return AnswerLoss(-answer.signal * answer.logp, -answer.signal);
}

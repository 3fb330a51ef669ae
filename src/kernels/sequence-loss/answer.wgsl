// One sampled answer as every sequence loss sees it, and what a loss makes of it.

struct Answer {
  logp: f32,       // sum of the policy's token log-probabilities, nats
  log_ratio: f32,  // against the sampling policy or the reference, reduced from per-token differences
  length: f32,     // scored tokens
  signal: f32,     // reward, advantage or share: what the answer is judged by
}

struct AnswerLoss {
  loss: f32,
  gradient: f32,   // d (loss of the group) / d (each token log-probability of this answer)
}

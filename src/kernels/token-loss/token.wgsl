// One token of a sampled answer as every token loss sees it, and what a loss makes of it.

struct Token {
  logp: f32,
  old_logp: f32,      // when the answer was sampled
  ref_logp: f32,
  advantage: f32,
  weight: f32,        // the token's share of the batch loss
  value: f32,         // the critic's, now and when the answer was sampled, and what it should have said
  old_value: f32,
  value_target: f32,
}

struct TokenLoss {
  loss: f32,
  gradient: f32,        // d loss / d logp
  value_gradient: f32,  // d loss / d value
  clipped: f32,         // 1 where the clip of the ratio holds the gradient back
}

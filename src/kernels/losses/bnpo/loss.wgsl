// BNPO / DAPO: loss = -min(rho A, clip(rho) A) + beta (e^d - d - 1), rho = e^(logp - old), d = ref - logp; all tokens weigh the same.
// d loss / d logp = -rho A where the clip is not active, + beta (1 - e^d)

struct Hyperparameters {
  epsilon: f32,
  epsilon_high: f32,
  beta: f32,
  scale_rewards: f32,
  num_items_in_batch: f32,
}

fn token_loss(token: Token, h: Hyperparameters) -> TokenLoss {
  return grpo_loss(token, h.epsilon, h.epsilon_high, h.beta);
}

// PPO: loss = -min(rho A, clip(rho) A) + c/2 max((V - G)^2, (clip(V) - G)^2), rho = e^(logp - old); advantages A and targets G come
// from the shaped rewards (loss.ts). d loss / d logp = -rho A, d loss / d V = c (V - G), each where its clip is not active

struct Hyperparameters {
  cliprange: f32,
  cliprange_value: f32,
  vf_coef: f32,
  kl_coef: f32,
  gamma: f32,
  lam: f32,
  no_stop_penalty: f32,
  length_bonus_score: f32,
  correct_bonus_score: f32,
  response_len: f32,
  reward_scale: f32,
  whiten_advantages: f32,
}

fn token_loss(token: Token, h: Hyperparameters) -> TokenLoss {
  let policy = clipped_ratio(token.logp - token.old_logp, token.advantage, h.cliprange, h.cliprange);
  let change = token.value - token.old_value;
  let held_change = clamp(change, -h.cliprange_value, h.cliprange_value);
  let free = token.value - token.value_target;
  let held = token.old_value + held_change - token.value_target;
  // Where the clip changed nothing the two are one number, whatever rounding says.
  let pushes = change == held_change || free * free >= held * held;
  return TokenLoss(
    policy.loss + 0.5 * h.vf_coef * max(free * free, held * held),
    policy.gradient,
    select(0.0, h.vf_coef * free, pushes),
    policy.clipped,
  );
}

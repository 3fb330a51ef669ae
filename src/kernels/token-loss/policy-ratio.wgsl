// The clipped ratio of PPO and GRPO. Exponents are held below 20, so that a drifted token cannot overflow.

const LARGEST_EXPONENT: f32 = 20.0;

struct RatioLoss {
  loss: f32,
  gradient: f32,  // d loss / d log-ratio
  clipped: f32,
}

// -min(rho A, clip(rho, 1 - low, 1 + high) A) with rho = e^log_ratio.
fn clipped_ratio(log_ratio: f32, advantage: f32, low: f32, high: f32) -> RatioLoss {
  let ratio = exp(min(log_ratio, LARGEST_EXPONENT));
  let slope = select(0.0, ratio, log_ratio < LARGEST_EXPONENT);
  let held = min(max(ratio, 1.0 - low), 1.0 + high) * advantage;
  let pushes = ratio * advantage <= held;
  return RatioLoss(
    -min(ratio * advantage, held),
    select(0.0, -slope * advantage, pushes),
    select(1.0, 0.0, pushes),
  );
}

// The token loss that GRPO, BNPO and Dr. GRPO share: the clipped ratio plus beta times e^d - d - 1, d = ref - policy.
fn grpo_loss(token: Token, low: f32, high: f32, beta: f32) -> TokenLoss {
  let policy = clipped_ratio(token.logp - token.old_logp, token.advantage, low, high);
  let d = token.ref_logp - token.logp;
  let grown = exp_difference(min(d, LARGEST_EXPONENT), 0.0);
  let slope = select(1.0, -grown, d < LARGEST_EXPONENT);
  return TokenLoss(policy.loss + beta * (grown - d), policy.gradient + beta * slope, 0.0, policy.clipped);
}

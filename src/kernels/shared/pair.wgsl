// One preference pair as every loss sees it, and what a loss makes of it.

struct Pair {
  chosen: f32,              // sum of the policy's token log-probabilities, nats
  rejected: f32,
  chosen_log_ratio: f32,    // h_w = policy minus reference, reduced from per-token differences
  rejected_log_ratio: f32,  // h_l
  chosen_length: f32,       // scored tokens
  rejected_length: f32,
  extra: array<f32, 4>,     // further inputs, in the order of `extras` in loss.ts
}

struct Rewards {
  chosen: f32,
  rejected: f32,
  margin: f32,              // chosen - rejected, computed where it cancels least
}

struct Gradients {
  chosen: f32,              // d loss / d pair.chosen, and through the log-ratio alike
  rejected: f32,
  extra: array<f32, 4>,     // d loss / d the policy's part of extra[i]
}

struct PairLoss {
  loss: f32,
  rewards: Rewards,
  gradients: Gradients,
}

// DPO's implicit reward: beta times the log-ratio.
fn implicit_rewards(pair: Pair, beta: f32) -> Rewards {
  return Rewards(
    beta * pair.chosen_log_ratio,
    beta * pair.rejected_log_ratio,
    beta * (pair.chosen_log_ratio - pair.rejected_log_ratio),
  );
}

// With a gradient into the first two further inputs as well.
fn gradients_with(chosen: f32, rejected: f32, extra0: f32, extra1: f32) -> Gradients {
  return Gradients(chosen, rejected, array<f32, 4>(extra0, extra1, 0.0, 0.0));
}

fn gradients(chosen: f32, rejected: f32) -> Gradients {
  return Gradients(chosen, rejected, array<f32, 4>());
}

// Rewards of the objectives without a reference: beta times the summed log-probability.
fn logp_rewards(pair: Pair, beta: f32) -> Rewards {
  return Rewards(beta * pair.chosen, beta * pair.rejected, beta * (pair.chosen - pair.rejected));
}

// Length-normalised: beta times the mean token log-probability.
fn mean_logp_rewards(pair: Pair, beta: f32) -> Rewards {
  let chosen = pair.chosen / pair.chosen_length;
  let rejected = pair.rejected / pair.rejected_length;
  return Rewards(beta * chosen, beta * rejected, beta * (chosen - rejected));
}

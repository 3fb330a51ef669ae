// One judged answer as every unpaired loss sees it, and what a loss makes of it.

struct Example {
  log_ratio: f32,  // h = policy minus reference, reduced from per-token differences
  label: f32,      // 1 wanted, 0 unwanted; FDPO: 2 and more do not count
}

struct ExampleLoss {
  loss: f32,
  reward: f32,
  gradient: f32,   // d loss / d (the policy's summed log-probability)
}

// AlphaPO: loss = softplus(-z), z = beta (r_w - r_l) - gamma, r = (1 - e^(-alpha a)) / alpha, a = log-probability / length;
// dr/da = e^(-alpha a). At alpha = 0, r = a: SimPO.

struct Hyperparameters {
  beta: f32,
  gamma: f32,
  alpha: f32,
}

// -alpha a, kept below 20: a very improbable answer must not overflow.
fn exponent(a: f32, alpha: f32) -> f32 {
  return min(-alpha * a, 20.0);
}

fn shaped(a: f32, alpha: f32) -> f32 {
  if (alpha == 0.0) {
    return a;
  }
  return exp_difference(0.0, exponent(a, alpha)) / alpha;
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let chosen = pair.chosen / pair.chosen_length;
  let rejected = pair.rejected / pair.rejected_length;
  let by_chosen = exponent(chosen, h.alpha);
  let by_rejected = exponent(rejected, h.alpha);

  // r_w - r_l in one step: the two shaped rewards can be large and close.
  var margin = chosen - rejected;
  if (h.alpha != 0.0) {
    margin = exp_difference(by_rejected, by_chosen) / h.alpha;
  }
  let rewards = Rewards(h.beta * shaped(chosen, h.alpha), h.beta * shaped(rejected, h.alpha), h.beta * margin);
  let z = rewards.margin - h.gamma;
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(softplus(-z), rewards, gradients(
    slope * exp(by_chosen) / pair.chosen_length,
    -slope * exp(by_rejected) / pair.rejected_length,
  ));
}

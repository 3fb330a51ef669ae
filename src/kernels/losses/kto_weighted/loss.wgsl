// KTO, weighted: loss = lambda_D sigmoid(-u) for a wanted answer, lambda_U sigmoid(u) for an unwanted one, u = beta (h - kl);
// d loss / d logp = -+ lambda beta sigmoid(u) sigmoid(-u). kl is shared by the batch and carries no gradient.

struct Hyperparameters {
  beta: f32,
  desirable_weight: f32,
  undesirable_weight: f32,
  kl: f32,
}

fn example_loss(example: Example, h: Hyperparameters) -> ExampleLoss {
  let u = h.beta * (example.log_ratio - h.kl);
  let slope = h.beta * sigmoid(u) * sigmoid(-u);
  let reward = h.beta * example.log_ratio;
  if (example.label == 1.0) {
    return ExampleLoss(h.desirable_weight * sigmoid(-u), reward, -h.desirable_weight * slope);
  }
  return ExampleLoss(h.undesirable_weight * sigmoid(u), reward, h.undesirable_weight * slope);
}

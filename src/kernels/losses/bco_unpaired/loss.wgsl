// BCO: loss = softplus(-s (beta h - delta)), s = 1 for a wanted answer and -1 for an unwanted one;
// d loss / d logp = -s beta sigmoid(-s (beta h - delta)). delta is the mean reward so far and carries no gradient.

struct Hyperparameters {
  beta: f32,
  seen_mean: f32,
  seen_count: f32,
  delta: f32,
}

fn example_loss(example: Example, h: Hyperparameters) -> ExampleLoss {
  let reward = h.beta * example.log_ratio;
  let sign = select(-1.0, 1.0, example.label == 1.0);
  let logit = sign * (reward - h.delta);
  return ExampleLoss(softplus(-logit), reward, -sign * h.beta * sigmoid(-logit));
}

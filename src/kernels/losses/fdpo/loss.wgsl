// FDPO: loss = softplus(-s beta h), s = 1 for an accurate segment and -1 for an invented one; segments of class 2 and more add
// nothing. d loss / d (log-probability of the segment) = -s beta sigmoid(-s beta h)

struct Hyperparameters {
  beta: f32,
}

fn example_loss(example: Example, h: Hyperparameters) -> ExampleLoss {
  let reward = h.beta * example.log_ratio;
  if (example.label >= 2.0) {
    return ExampleLoss(0.0, reward, 0.0);
  }
  let sign = select(-1.0, 1.0, example.label == 1.0);
  return ExampleLoss(softplus(-sign * reward), reward, -sign * h.beta * sigmoid(-sign * reward));
}

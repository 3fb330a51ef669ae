// APO-zero, unpaired: loss = sigmoid(-beta h) for a wanted answer, sigmoid(beta h) for an unwanted one;
// d loss / d logp = -+ beta sigmoid(beta h) sigmoid(-beta h)

struct Hyperparameters {
  beta: f32,
}

fn example_loss(example: Example, h: Hyperparameters) -> ExampleLoss {
  let reward = h.beta * example.log_ratio;
  let sign = select(-1.0, 1.0, example.label == 1.0);
  return ExampleLoss(sigmoid(-sign * reward), reward, -sign * h.beta * sigmoid(reward) * sigmoid(-reward));
}

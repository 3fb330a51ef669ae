// f-DPO, Jensen-Shannon: loss = softplus(-z), z = beta (f(h_w) - f(h_l)), f(h) = -softplus(-h), f'(h) = sigmoid(-h)

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let z = h.beta * (softplus(-pair.rejected_log_ratio) - softplus(-pair.chosen_log_ratio));
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(softplus(-z), implicit_rewards(pair, h.beta), gradients(
    slope * sigmoid(-pair.chosen_log_ratio),
    -slope * sigmoid(-pair.rejected_log_ratio),
  ));
}

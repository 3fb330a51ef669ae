// EXO on a pair: KL from (sigmoid(z), sigmoid(-z)) to the labels (1-e, e), z = beta (h_w - h_l)

struct Hyperparameters {
  beta: f32,
  label_smoothing: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let z = h.beta * (pair.chosen_log_ratio - pair.rejected_log_ratio);
  let won = sigmoid(z);
  let lost = sigmoid(-z);
  let log_lost = log(h.label_smoothing);
  let log_won = log1mexp(log_lost);
  let loss = won * (-softplus(-z) - log_won) + lost * (-softplus(z) - log_lost);
  let slope = h.beta * won * lost * (z - log_won + log_lost);
  return PairLoss(loss, implicit_rewards(pair, h.beta), gradients(slope, -slope));
}

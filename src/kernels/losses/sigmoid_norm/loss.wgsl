// Length-normalised DPO: loss = -log sigmoid(beta (h_w/|y_w| - h_l/|y_l|)); the gradients carry 1/|y|.
// The logged rewards are not normalised, as in TRL.

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let z = h.beta * (pair.chosen_log_ratio / pair.chosen_length - pair.rejected_log_ratio / pair.rejected_length);
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(
    softplus(-z),
    implicit_rewards(pair, h.beta),
    gradients(slope / pair.chosen_length, -slope / pair.rejected_length),
  );
}

// ORPO, the part of one pair: loss = lam softplus(-lo), lo = log odds(y_w) - log odds(y_l), log odds = a - log(1 - e^a),
// a = log-probability / length; d log odds / d log-probability = 1 / ((1 - e^a) length).
// The batch adds the NLL of the chosen answers with weight 1 (preference-loss.wgsl).

struct Hyperparameters {
  lam: f32,
}

// At a mean log-probability of 0 the odds are infinite: it is kept this far below.
const CERTAIN: f32 = -1e-6;

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let chosen = min(pair.chosen / pair.chosen_length, CERTAIN);
  let rejected = min(pair.rejected / pair.rejected_length, CERTAIN);
  let log_odds = (chosen - rejected) - (log1mexp(chosen) - log1mexp(rejected));
  let slope = -h.lam * sigmoid(-log_odds);
  return PairLoss(
    h.lam * softplus(-log_odds),
    mean_logp_rewards(pair, h.lam),
    gradients(
      slope / (one_minus_exp(chosen) * pair.chosen_length),
      -slope / (one_minus_exp(rejected) * pair.rejected_length),
    ),
  );
}

// Nash-MD: loss = c logp with c = beta (logp - ref) - (P - 1/2) under a stop-gradient, so d loss / d logp = c. P, the probability
// that the answer beats the mixture's, stands in the advantage less its half.

struct Hyperparameters {
  beta: f32,
}

fn token_loss(token: Token, h: Hyperparameters) -> TokenLoss {
  let gradient = h.beta * (token.logp - token.ref_logp) - token.advantage;
  return TokenLoss(gradient * token.logp, gradient, 0.0, 0.0);
}

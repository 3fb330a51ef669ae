import { expect } from '@esm-bundle/chai';
import { ModelFileError } from '../../src/errors.ts';
import { parseLlamaConfig } from '../../src/models/policy/config.ts';

/** The decoder of SmolVLM-256M. */
const SMOLVLM = {
  model_type: 'idefics3',
  tie_word_embeddings: false,
  text_config: {
    model_type: 'llama',
    head_dim: 64,
    hidden_size: 576,
    intermediate_size: 1536,
    max_position_embeddings: 8192,
    num_attention_heads: 9,
    num_hidden_layers: 30,
    num_key_value_heads: 3,
    rms_norm_eps: 1e-5,
    rope_theta: 100_000,
    vocab_size: 49_280,
  },
};

describe('Llama configuration', () => {
  it('is read from the text part of SmolVLM', () => {
    expect(parseLlamaConfig(SMOLVLM)).to.deep.equal({
      vocabSize: 49_280,
      hiddenSize: 576,
      intermediateSize: 1536,
      layers: 30,
      heads: 9,
      kvHeads: 3,
      headDim: 64,
      rmsNormEps: 1e-5,
      ropeTheta: 100_000,
      maxPositions: 8192,
      tiedHead: false,
    });
  });

  it("is read from a plain Llama, with Hugging Face's defaults", () => {
    const plain = {
      model_type: 'llama',
      hidden_size: 64,
      intermediate_size: 128,
      num_attention_heads: 4,
      num_hidden_layers: 1,
      vocab_size: 100,
      tie_word_embeddings: true,
      rope_parameters: { rope_type: 'default', rope_theta: 500 },
    };
    const config = parseLlamaConfig(plain);
    expect(config.kvHeads).to.equal(4);
    expect(config.headDim).to.equal(16);
    expect(config.rmsNormEps).to.equal(1e-6);
    expect(config.ropeTheta).to.equal(500);
    expect(config.maxPositions).to.equal(2048);
    expect(config.tiedHead).to.equal(true);
  });

  it('is refused, naming the field, where the kernels compute something else', () => {
    for (const [changes, words] of [
      [{ attention_bias: true }, 'biases'],
      [{ mlp_bias: true }, 'biases'],
      [{ hidden_act: 'gelu' }, 'gelu'],
      [{ model_type: 'mistral' }, 'mistral'],
      [{ rope_scaling: { rope_type: 'llama3', factor: 8 } }, 'llama3'],
      [{ hidden_size: undefined }, 'hidden_size'],
      [{ hidden_size: 577 }, 'hidden_size'],
      [{ num_hidden_layers: 0 }, 'num_hidden_layers'],
      [{ num_key_value_heads: 2 }, '9 query heads'],
      [{ head_dim: 256 }, 'head_dim'],
      [{ rms_norm_eps: 0 }, 'rms_norm_eps'],
    ] as [object, string][]) {
      const config = { ...SMOLVLM, text_config: { ...SMOLVLM.text_config, ...changes } };
      expect(() => parseLlamaConfig(config, 'config.json'), words).to.throw(ModelFileError, words);
    }
    expect(() => parseLlamaConfig('no')).to.throw(ModelFileError);
  });
});

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
      [{ attention_bias: true }, 'attention_bias'],
      [{ mlp_bias: true }, 'mlp_bias'],
      [{ hidden_act: 'gelu' }, 'gelu'],
      [{ model_type: 'mistral' }, 'mistral'],
      [{ rope_scaling: { rope_type: 'llama3', factor: 8 } }, 'llama3'],
      [{ hidden_size: undefined }, 'hidden_size'],
      [{ hidden_size: 577 }, 'hidden_size'],
      [{ num_hidden_layers: 0 }, 'num_hidden_layers'],
      [{ num_key_value_heads: 2 }, '9 query heads'],
      [{ head_dim: 256 }, 'head_dim'],
      [{ rms_norm_eps: 0 }, 'rms_norm_eps'],
      [{ qk_layer_norms: true }, 'qk_layer_norms'],
      [{ partial_rotary_factor: 0.5 }, 'partial_rotary_factor'],
      [{ sliding_window: 4096 }, 'sliding_window'],
      [{ quantization_config: { bits: 4 } }, 'quantization_config'],
      // Damage.
      [{ num_hidden_layers: 1e9 }, 'num_hidden_layers'],
      [{ num_hidden_layers: 2.5 }, 'num_hidden_layers'],
      [{ vocab_size: -1 }, 'vocab_size'],
      [{ vocab_size: 1e300 }, 'vocab_size'],
      [{ intermediate_size: '1536' }, 'intermediate_size'],
      [{ num_attention_heads: 7, head_dim: undefined, num_key_value_heads: 7 }, 'head_dim'],
      [{ rope_theta: Number.POSITIVE_INFINITY }, 'rope_theta'],
      [{ rope_theta: null, rope_parameters: 'default' }, 'RoPE'],
      [{ tie_word_embeddings: 'false' }, 'tie_word_embeddings'],
    ] as [object, string][]) {
      const config = {
        ...SMOLVLM,
        tie_word_embeddings: undefined,
        text_config: { ...SMOLVLM.text_config, ...changes },
      };
      expect(() => parseLlamaConfig(config, 'config.json'), words).to.throw(ModelFileError, words);
    }
    for (const wrong of ['no', null, 5, [], [SMOLVLM], {}, { text_config: 'llama' }, { text_config: [] }]) {
      expect(() => parseLlamaConfig(wrong), JSON.stringify(wrong)).to.throw(ModelFileError);
    }
    let deep: unknown = 1;
    for (let i = 0; i < 20_000; i++) deep = [deep];
    expect(() => parseLlamaConfig({ ...SMOLVLM.text_config, hidden_act: deep })).to.throw(ModelFileError, 'hidden_act');
  });
});

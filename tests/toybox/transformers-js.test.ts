import { expect } from '@esm-bundle/chai';
import { AutoProcessor, AutoTokenizer, env, RawImage } from '@xenova/transformers';
import '../../src/models/hub.ts'; // points the library at our own WASM

/** A picture whose every pixel is mid-grey: 0 after normalisation. */
const grey = () => new RawImage(new Uint8ClampedArray(128 * 128 * 3).fill(128), 128, 128, 3);

describe('the bundled folders in transformers.js', () => {
  before(() => {
    env.allowRemoteModels = false;
    env.allowLocalModels = true;
    env.localModelPath = new URL('../../models/', import.meta.url).pathname;
    env.useBrowserCache = false;
  });

  it('toybox-vlm: tokenizer, chat template and processor', async () => {
    const processor = await AutoProcessor.from_pretrained('toybox-vlm');
    const messages = [{ role: 'user', content: [{ type: 'image' }, { type: 'text', text: 'Describe the image.' }] }];
    const text = processor.apply_chat_template(messages as never, { add_generation_prompt: true });
    const inputs = await processor(text, [grey()], { do_image_splitting: false });
    const ids: number[] = Array.from(inputs.input_ids.data as BigInt64Array, Number);
    expect(
      ids.filter((id) => id === 5),
      'image tokens',
    ).to.have.length(16);
    expect(inputs.pixel_values.dims.slice(-3)).to.deep.equal([3, 128, 128]);
    for (const value of inputs.pixel_values.data as Float32Array) expect(Math.abs(value)).to.be.below(0.01);
  });

  it('toybox-clip: tokenizer and image processor', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained('toybox-clip');
    const ids = tokenizer(['A cat.', 'Two dogs and a bone.'], { padding: true, truncation: true }).input_ids;
    expect(ids.dims[0]).to.equal(2);
    expect(Number(ids.data[0]), 'start token').to.equal(1);
    const processor = await AutoProcessor.from_pretrained('toybox-clip');
    const { pixel_values } = await processor(grey());
    expect(pixel_values.dims).to.deep.equal([1, 3, 128, 128]);
  });
});

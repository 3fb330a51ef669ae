import { expect } from '@esm-bundle/chai';
import { chanceOf, distinctBoxes, mirrored, PhotoDetector } from '../../src/models/detector.ts';
import type { Box, Judged } from '../../src/photographs/index.ts';
import { bundledFiles, golden } from '../support/bundled.ts';

/** What `models/recipe/photo/golden.py` writes: ONNX Runtime in Python on Pillow's pixels. */
interface DetectorGolden {
  readonly detector: readonly {
    readonly file: string;
    readonly things: readonly {
      readonly noun: string;
      readonly chance: number;
      readonly boxes: readonly (readonly number[])[];
    }[];
  }[];
}

const box = (x1: number, y1: number, x2: number, y2: number, score: number): Box => ({ x1, y1, x2, y2, score });

describe('the detector', () => {
  it('sees in photographs what it sees in Python', async () => {
    const { detector: expected } = await golden<DetectorGolden>('photo/golden.json');
    const files = await bundledFiles('photo-detector', 'detector');
    const { judged } = files.json<{ judged: Judged }>('config');
    const detector = await PhotoDetector.load(files);
    try {
      expect(expected.length).to.be.at.least(4);
      for (const { file, things } of expected) {
        const response = await fetch(new URL(`../golden/photo/${file}`, import.meta.url));
        const seen = await detector.look({ id: file, blob: await response.blob() });
        expect(seen.by).to.equal('photo-detector');
        expect(seen.judged, 'its error rates').to.include.keys('pictures', 'flags_agreed', 'flags_swapped');
        expect(judged).to.include(seen.judged);
        expect(
          seen.things.map(({ noun }) => noun),
          file,
        ).to.deep.equal(things.map(({ noun }) => noun));
        for (const [at, { noun, chance, boxes }] of things.entries()) {
          const thing = seen.things[at];
          expect(thing.chance, `${file} ${noun}`).to.be.closeTo(chance, 1e-4);
          expect(thing.boxes.length, `${file} ${noun}`).to.equal(boxes.length);
          for (const [i, wanted] of boxes.entries()) {
            const { x1, y1, x2, y2, score } = thing.boxes[i];
            for (const [side, value] of [x1, y1, x2, y2, score].entries()) {
              const inside = Math.min(1, Math.max(0, wanted[side]));
              expect(value, `${file} ${noun} ${i}.${side}`).to.be.closeTo(inside, 1e-3);
            }
          }
        }
      }
    } finally {
      await detector.dispose();
    }
  });

  it('keeps one box of each thing, the best', () => {
    const cat = box(0.1, 0.1, 0.5, 0.5, 0.9);
    const again = box(0.12, 0.1, 0.52, 0.5, 0.8);
    const other = box(0.5, 0.5, 0.9, 0.9, 0.85);
    expect(distinctBoxes([again, cat, other])).to.deep.equal([cat, other]);
    expect(distinctBoxes([])).to.deep.equal([]);
    const point = box(0.3, 0.3, 0.3, 0.3, 0.5);
    expect(distinctBoxes([point, point])).to.have.length(2);
  });

  it('looks at the mirror image too', () => {
    expect([...mirrored(Float32Array.of(1, 2, 3, 4, 5, 6), 3)]).to.deep.equal([3, 2, 1, 6, 5, 4]);
  });

  it('calibrates a score, also one of exactly 0 or 1', () => {
    const calibration = { slope: [1, 2], offset: [0, -1], threshold: 0.5 };
    expect(chanceOf([0.5, 0.5], 0, calibration)).to.equal(0.5);
    expect(chanceOf([0.5, 0.5], 1, calibration)).to.be.closeTo(1 / (1 + Math.E), 1e-12);
    expect(chanceOf([0.2, 0.8], 0, calibration)).to.be.closeTo(0.5, 1e-12);
    expect(chanceOf([0, 0], 0, calibration)).to.be.closeTo(1e-4, 1e-12);
    expect(chanceOf([1, 1], 0, calibration)).to.be.closeTo(1 - 1e-4, 1e-12);
  });
});

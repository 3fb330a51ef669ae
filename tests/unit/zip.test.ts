import { expect } from '@esm-bundle/chai';
import { InputError } from '../../src/errors.ts';
import { openZip, unzip, zip } from '../../src/zip.ts';
import { random } from '../support/random.ts';
import { type RawEntry, type RawZip, rawZip } from '../support/raw-zip.ts';

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

async function refusal(archive: Blob): Promise<string> {
  const error = await unzip(archive).then(
    () => expect.fail('it was not refused'),
    (reason) => reason,
  );
  expect(error).to.be.instanceOf(InputError);
  return error.message;
}
const refused = async (entries: RawEntry[], options?: RawZip) => refusal(await rawZip(entries, options));

describe('archives of other programs', () => {
  it('are read with `\\` in names, deflated, behind a preamble, with sizes behind the content', async () => {
    const files = await unzip(
      await rawZip(
        [
          { name: 'out\\sub\\', content: '' },
          { name: 'out\\sub\\a.txt', content: 'from PowerShell 5' },
          { name: './b.txt', content: 'b'.repeat(5000), method: 8 },
          { name: 'c.txt', content: 'streamed', method: 8, descriptor: true },
          { name: '__MACOSX/._a.txt', content: 'resource fork' },
          { name: 'out/._a.txt', content: 'resource fork' },
          { name: 'out/.DS_Store', content: 'folder view' },
        ],
        { preamble: new Uint8Array(777), comment: 'PK\x05\x06 is not the end' },
      ),
    );
    expect([...files.keys()]).to.deep.equal(['out/sub/a.txt', 'b.txt', 'c.txt']);
    expect(text(files.get('out/sub/a.txt'))).to.equal('from PowerShell 5');
    expect(text(files.get('b.txt'))).to.equal('b'.repeat(5000));
    expect(text(files.get('c.txt'))).to.equal('streamed');
  });

  it('are refused for what they are', async () => {
    const name = 'a.txt';
    expect(await refused([{ name, content: 'x', method: 12 }])).to.contain('compressed with bzip2');
    expect(await refused([{ name, content: 'x', method: 14 }])).to.contain('compressed with LZMA');
    expect(await refused([{ name, content: 'x', method: 77 }])).to.contain('compressed with method 77');
    expect(await refused([{ name, content: 'x', flags: 1 }])).to.contain('encrypted');
    expect(await refused([{ name, content: 'x' }], { zip64: true })).to.contain('ZIP64');
    expect(await refused([{ name, content: 'x', size: 0xffffffff }])).to.contain('ZIP64');
    expect(await refused([{ name }], { count: 30_000 })).to.contain('30,000 files');
    expect(await refused([{ name: '../a.txt' }])).to.contain('"../a.txt", which is not a place inside it');
    for (const outside of ['/etc/passwd', 'C:\\a.txt', 'a/../../b', '..\\a', '\\a', 'a\0b']) {
      expect(await refused([{ name: outside }]), outside).to.contain('not a place inside it');
    }
    expect(await refused([{ name: 'a/b' }, { name: 'a\\b' }])).to.contain('two files named "a/b"');
    expect(await refusal(new Blob(['PK or not']))).to.contain('not a ZIP archive');
    expect(await refusal(new Blob([]))).to.contain('not a ZIP archive');
  });

  it('cannot use one part twice', async () => {
    const one = { name: 'a', content: 'x'.repeat(100) };
    expect(await refused([one, { ...one, name: 'b', local: 0 }])).to.contain('overlaps');
    expect(await refused([one, { ...one, name: 'b', local: 20 }])).to.contain('overlaps');
    expect(await refused([{ ...one, local: 500 }])).to.contain('overlaps');
  });

  it('are checked for damage in every entry', async () => {
    expect(await refused([{ name: 'a', content: 'abc', crc: 1 }])).to.contain('"a" in the archive is damaged');
    expect(await refused([{ name: 'a', content: 'abc', method: 8, size: 4 }])).to.contain('damaged');
    expect(await refused([{ name: 'a', content: 'abc', size: 4 }])).to.contain('damaged');
    expect(await refused([{ name: 'a', content: 'abc' }], { count: 2 })).to.contain('damaged');
  });
});

describe('an entry that inflates to more than it says', () => {
  /** 1.2 GB of zeros, deflated: 1.2 MB. */
  const bomb = async (): Promise<Uint8Array<ArrayBuffer>> => {
    let left = 1200;
    const zeros = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        controller.enqueue(new Uint8Array(1e6));
        if (--left === 0) controller.close();
      },
    });
    const packed = zeros.pipeThrough(new CompressionStream('deflate-raw'));
    return new Uint8Array(await new Response(packed).arrayBuffer());
  };

  it('is refused while it inflates', async () => {
    const packed = await bomb();
    expect(packed.length).to.be.below(2e6);
    const inflated = DecompressionStream.prototype;
    const readable = Object.getOwnPropertyDescriptor(inflated, 'readable')!;
    // Counts what leaves the decompressor.
    let bytes = 0;
    Object.defineProperty(inflated, 'readable', {
      ...readable,
      get(this: DecompressionStream) {
        const count = new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            bytes += chunk.length;
            controller.enqueue(chunk);
          },
        });
        return readable.get!.call(this).pipeThrough(count);
      },
    });
    try {
      for (const [size, words] of [
        [1000, 'says that it has 1,000 bytes, and unpacks to more'],
        [1.2e9, 'unpacks to 1,144 MiB; at most'],
      ] as const) {
        const archive = await rawZip([{ name: 'a.bin', content: packed, size }]);
        // The same entry, marked as deflated in both headers.
        const raw = new Uint8Array(await archive.arrayBuffer());
        const view = new DataView(raw.buffer);
        view.setUint16(8, 8, true);
        view.setUint16(view.getUint32(raw.length - 6, true) + 10, 8, true);
        expect(await refusal(new Blob([raw]))).to.contain(words);
      }
    } finally {
      Object.defineProperty(inflated, 'readable', readable);
    }
    expect(bytes).to.be.within(1001, 40e6);
  });
});

describe('large archives', () => {
  it('are read entry by entry', async () => {
    const source = random(3);
    const half = new Uint8Array(18 * 2 ** 20).map(() => source.int(256));
    const archive = await zip(
      new Map<string, Blob | string>([
        ['first', new Blob([half])],
        ['second', new Blob([half])],
        ['name', 'short'],
      ]),
    );
    expect(archive.size).to.be.above(36 * 2 ** 20);
    const asked: number[] = [];
    const slice = archive.slice.bind(archive);
    archive.slice = (from = 0, to = archive.size, type) => {
      asked.push(to - from);
      return slice(from, to, type);
    };
    const entries = await openZip(archive);
    expect(entries.get('first')!.size).to.equal(half.length);
    expect(text(await entries.get('name')!.read())).to.equal('short');
    expect(Math.max(...asked)).to.be.below(100_000);
    expect(await entries.get('second')!.read()).to.deep.equal(half);
  });
});

describe('mutated archives', () => {
  it('give their files or a sentence', async () => {
    const content = 'some text that is deflated, deflated and deflated. '.repeat(20);
    const files = [
      { name: 'a.txt', content, method: 8 },
      { name: 'sub/b.txt', content: 'stored' },
    ];
    const valid = new Uint8Array(await (await rawZip(files, { preamble: new Uint8Array(9) })).arrayBuffer());
    const source = random(11);
    for (let i = 0; i < 500; i++) {
      const bytes = valid.slice(0, source.int(4) === 0 ? source.int(valid.length) : valid.length);
      for (let change = source.int(4); change >= 0 && bytes.length > 0; change--) {
        bytes[source.int(bytes.length)] = [0, 255, source.int(256)][source.int(3)];
      }
      await unzip(new Blob([bytes])).catch((error) => expect(error, String(error)).to.be.instanceOf(InputError));
    }
  });
});

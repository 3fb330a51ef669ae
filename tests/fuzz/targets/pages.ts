/** What a whole page starts from: links, workspaces, what an earlier visit stored. */
import '../../../src/components/app/margin-app.ts';
import { InputError } from '../../../src/errors.ts';
import { SETTING_RANGES } from '../../../src/state/defaults.ts';
import { decodeLink, decodeView, encodeLink } from '../../../src/state/persistence/link.ts';
import { MemoryAddress, MemoryRecords } from '../../../src/state/persistence/memory.ts';
import { unzip, zip } from '../../../src/zip.ts';
import { makeApp, plainPicture, stateWhere, type TestApp } from '../../support/app.ts';
import { mount, settled, unmountAll } from '../../support/mount.ts';
import { makeTrainable } from '../../support/trainable.ts';
import { mutateBytes, mutateJson, mutateText } from '../mutate.ts';
import { claim, type Target, unfitMessage } from '../target.ts';
import { bytesOf } from './files.ts';

/** What holds of every page, whatever it started from. */
function claimWhole({ store }: TestApp): void {
  const { images, candidates, pairs, settings, notices } = store.state;
  for (const [name, list] of Object.entries({ images, candidates, pairs })) {
    const ids = list.map(({ id }) => id);
    claim(
      ids.every((id) => typeof id === 'string' && id !== ''),
      `there are ids of ${name} that are no names`,
    );
    claim(new Set(ids).size === ids.length, `two of the ${name} have one id`);
  }
  for (const { prompt, chosen, rejected } of pairs) {
    claim(
      [prompt, chosen, rejected].every((text) => typeof text === 'string'),
      'a pair has texts that are none',
    );
  }
  for (const [key, { min, max }] of Object.entries(SETTING_RANGES)) {
    const value = settings[key as keyof typeof SETTING_RANGES];
    claim(value >= min && value <= max, `${key} is ${value}`);
  }
  for (const { message } of notices) {
    const unfit = unfitMessage(message);
    claim(!unfit, `a notice is unfit, ${unfit}: ${message}`);
  }
}

export const links: Target<string> = {
  name: 'link',
  seeds: async () => {
    const app = await makeApp();
    app.intents.setSetting('objective', 'simpo');
    app.intents.setSetting('prompt', 'What is here? – „süß“');
    app.intents.setTraining({ max_steps: 7, r: 4 });
    const link = encodeLink(app.store.state.settings);
    app.dispose();
    return [link, 'vlm=nope', 'gallery=simpo', 'n=4&t=1&top_p=0.95&dpo_sigmoid.beta=0.2&train.learning_rate=1e-3'];
  },
  mutate: mutateText,
  async run(hash) {
    decodeView(hash);
    const first = decodeLink(hash);
    const app = await makeApp({ backend: { address: new MemoryAddress(hash) }, ready: false });
    try {
      claimWhole(app);
      const again = decodeLink(encodeLink(app.store.state.settings));
      for (const key of Object.keys(first) as (keyof typeof first)[]) {
        const [one, two] = [app.store.state.settings[key], again[key]].map((each) => JSON.stringify(each));
        claim(
          one === two || key === 'training' || key === 'hyperparameters',
          `${key} is ${one}, and ${two} through a link`,
        );
      }
    } finally {
      app.dispose();
    }
  },
};

interface Workspace {
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  readonly index: unknown;
  readonly archive?: Uint8Array<ArrayBuffer>;
}

export const workspaces: Target<Workspace> = {
  name: 'workspace',
  seeds: async () => {
    const app = await makeTrainable();
    await app.intents.addImages([await plainPicture([10, 200, 30], 'green.png')]);
    await app.intents.addSampleScenes(2);
    app.intents.tie();
    const files = await unzip(await app.intents.exportWorkspace());
    app.dispose();
    return [{ files, index: JSON.parse(new TextDecoder().decode(files.get('workspace.json'))) }];
  },
  async mutate({ files, index }, random) {
    const changed = { files, index: mutateJson(index, random) };
    return random.chance(0.1)
      ? { ...changed, archive: mutateBytes(await bytesOf(await pack(changed)), random) }
      : changed;
  },
  async run(workspace) {
    const app = await makeApp();
    try {
      await app.intents.addImages([await plainPicture()]);
      // What the detector sees is written down behind everything else.
      await stateWhere(app, ({ images }) => images.every(({ seen }) => seen), 'a look at the picture');
      const before = app.store.state;
      const taken = await app.intents.importWorkspace(new Blob([workspace.archive ?? (await pack(workspace))]));
      claimWhole(app);
      const { notices, images, pairs } = app.store.state;
      const known = new Set(images.map(({ id }) => id));
      claim(
        pairs.every(({ imageId }) => known.has(imageId)),
        'a pair came without its picture',
      );
      await app.intents.exportWorkspace();
      await app.intents.exportPairs();
      if (taken) {
        // A file that holds nothing new leaves nothing to undo.
        if (app.store.state.history.undo === 'import workspace') app.intents.undo();
        claim(app.store.state.images.length === before.images.length, 'undo leaves pictures behind');
        return;
      }
      claim(images === before.images && pairs === before.pairs, 'a refused workspace left something behind');
      throw new InputError(notices.at(-1)?.message ?? '');
    } finally {
      app.dispose();
    }
  },
};

async function pack({ files, index }: Workspace): Promise<Blob> {
  const packed = new Map<string, Blob | string>([...files].map(([name, bytes]) => [name, new Blob([bytes])]));
  return zip(packed.set('workspace.json', JSON.stringify(index)));
}

interface Records {
  readonly values: Record<string, unknown>;
  readonly lists: MemoryRecords['lists'];
}

const TABS = ['images', 'responses', 'objective', 'training'] as const;

/** Records of another version, or of a browser that lost some: the page starts, draws everything, and can be left. */
export const stored: Target<Records> = {
  name: 'stored-records',
  seeds: async () => {
    const records = new MemoryRecords();
    const app = await makeTrainable({ backend: { records } });
    await app.intents.addSampleScenes(1);
    await app.intents.train({ steps: 2 });
    await app.flush();
    app.dispose();
    return [{ values: Object.fromEntries(records.values), lists: records.lists }];
  },
  mutate: (seed, random) => mutateJson(seed, random, { beyond: true }) ?? { values: {}, lists: seed.lists },
  async run({ values, lists }) {
    const records = new MemoryRecords();
    records.values = new Map(Object.entries(values ?? {}));
    records.lists = lists;
    const app = await makeApp({ backend: { records } });
    try {
      const page = await mount('margin-app', { app } as object);
      claimWhole(app);
      app.intents.setTab?.(random(TABS, app));
      await settled(page);
      await app.flush();
      await app.intents.exportWorkspace();
    } finally {
      unmountAll();
      app.dispose();
    }
  },
};

/** One of the tabs, the same for the same records. */
const random = <T>(items: readonly T[], app: TestApp): T => items[app.store.state.images.length % items.length];

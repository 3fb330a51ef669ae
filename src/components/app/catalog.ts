/** The models a person may choose, as the pickers need them: the page's view of `models/catalog.json`. */
import type { World } from '../../engine/engine.ts';

export interface ModelChoice {
  readonly id: string;
  readonly label: string;
  readonly kind: 'vlm' | 'clip';
  readonly world: World;
  readonly about: string;
  readonly licence: string;
  readonly bundled: boolean;
  /** Download size, as far as the catalog knows. */
  readonly bytes: number;
}

interface CatalogJson {
  readonly models: readonly {
    readonly id: string;
    readonly label: string;
    readonly kind: 'vlm' | 'clip' | 'detector';
    readonly world: World;
    readonly about?: string;
    readonly licence: string;
    readonly source: { readonly type: string };
    readonly approximateBytes?: number;
    readonly files: readonly { readonly bytes?: number }[];
  }[];
}

/**
 * Reads the catalog for the pickers. An unreadable one gives an empty list: the engine, which needs it for real, says
 * what is wrong with it.
 *
 * @param baseUrl absolute URL of the models folder, with a trailing slash
 */
export async function fetchChoices(baseUrl: string): Promise<ModelChoice[]> {
  try {
    const response = await fetch(new URL('catalog.json', baseUrl));
    const { models } = (await response.json()) as CatalogJson;
    return models.flatMap(({ id, label, kind, world, about = '', licence, source, files, approximateBytes = 0 }) => {
      // There is one detector, and nothing to choose.
      if (kind === 'detector') return [];
      const known = files.reduce((sum, file) => sum + (file.bytes ?? 0), 0);
      const bytes = Math.max(approximateBytes, known);
      return [{ id, label, kind, world, about, licence, bundled: source.type === 'bundled', bytes }];
    });
  } catch {
    return [];
  }
}

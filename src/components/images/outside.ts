/** What to say of a picture that is not of the loaded model's world. */
import type { World } from '../../engine/engine.ts';
import type { ImageRecord } from '../../state/state.ts';
import { worldOfImage } from '../../state/worlds.ts';

const NOTES: Readonly<Record<World, string>> = {
  toybox: "Outside Toybox's world: the bundled model knows about 80 drawn objects, so it will misread this picture.",
  photographs: "Outside the loaded model's world: it knows photographs, so it will misread this drawn scene.",
};

/** @param world of the loaded model; undefined while none is ready. */
export function noteOn(image: ImageRecord, world: World | undefined): string {
  return world && world !== worldOfImage(image) ? NOTES[world] : '';
}

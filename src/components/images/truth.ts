/** The truth of a Toybox scene in words. */
import { BACKGROUNDS, type Direction, nounNamed, type Relation, type Scene, sceneTruth } from '../../toybox/index.ts';

const DIRECTION_WORDS: Record<Direction, string> = {
  left: 'left of',
  right: 'right of',
  above: 'above',
  below: 'below',
};

const OPPOSITE: Record<Direction, Direction> = { left: 'right', right: 'left', above: 'below', below: 'above' };

/** "2 apples", "1 cat". */
export function countWords(noun: string, count: number): string {
  return `${count} ${count === 1 ? noun : nounNamed(noun).plural}`;
}

/** Each relation once: "cat left of tree" already says that the tree is right of the cat. */
function withoutMirrors(relations: readonly Relation[]): Relation[] {
  return relations.filter(
    ({ subject, direction, object }, index) =>
      !relations
        .slice(0, index)
        .some((r) => r.subject === object && r.object === subject && r.direction === OPPOSITE[direction]),
  );
}

export interface TruthWords {
  /** "on the grass" */
  readonly place: string;
  /** "2 apples", "1 cat" */
  readonly objects: readonly string[];
  /** "cat left of tree" */
  readonly relations: readonly string[];
}

export function truthWords(scene: Scene): TruthWords {
  const { objects, counts, relations } = sceneTruth(scene);
  return {
    place: BACKGROUNDS.find(({ name }) => name === scene.background)?.phrase ?? scene.background,
    objects: objects.map((noun) => countWords(noun, counts[noun])),
    relations: withoutMirrors(relations).map(
      ({ subject, direction, object }) => `${subject} ${DIRECTION_WORDS[direction]} ${object}`,
    ),
  };
}

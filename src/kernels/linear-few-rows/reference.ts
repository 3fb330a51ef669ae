/** The same mathematics as `linear`, so the same reference. */
export { linearReference as linearFewRowsReference } from '../linear/reference.ts';

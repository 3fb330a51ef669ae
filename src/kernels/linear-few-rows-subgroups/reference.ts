/** The same mathematics as `linear`, so the same reference. */
export { linearReference as linearFewRowsSubgroupsReference } from '../linear/reference.ts';

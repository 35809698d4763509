import { hash32 } from './dice.js';
import type { ProfileTable } from './profile-table.js';
import type { ReferenceValues } from './reference-kinds.js';
import { DAY, type Micros } from './timestamp.js';
import type { World } from './world.js';
import { formatZoned } from './zoned-time.js';

export interface AchievementProgress {
  profile: number;
  progress: number;
  status: 'completed' | 'inprogress' | 'expired';
  /** RFC 3339 with the offset of the achievement's time zone. */
  start: string;
  end: string;
  /** Empty while it is not completed. */
  completion: string;
}

export function profilesOf(world: World, achievement: ReferenceValues): ProfileTable {
  return achievement.sandbox === true ? world.sandbox : world.live;
}

/** One visible profile in three has made some progress; undefined for the others. */
export function progressOf(
  world: World,
  achievement: ReferenceValues,
  profile: number,
): AchievementProgress | undefined {
  const profiles = profilesOf(world, achievement);
  const h = hash32(world.style.seed, profile, achievement.id + 90);
  if (h % 3 > 0 || !profiles.isVisible(profile)) return undefined;
  const date = (at: Micros): string => formatZoned(at, String(achievement.timezone), 'offset', 'none');
  const start = profiles.created.get(profile);
  const progress = h % 11;
  const isDone = progress === 10;
  return {
    profile,
    progress,
    status: isDone ? 'completed' : h % 2 === 0 ? 'inprogress' : 'expired',
    start: date(start),
    end: date(start + 31 * DAY),
    completion: isDone ? date(start + DAY) : '',
  };
}

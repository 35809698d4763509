import type { Config } from '../config.js';
import { messageOf } from '../errors.js';
import type { Logger } from '../logger.js';
import { isUnauthorised } from '../talon-one/api-error.js';
import type { RequestContext } from '../talon-one/management.js';
import type { RetryOptions } from '../talon-one/retry.js';
import { createImportClient } from './context.js';
import type { Finding } from './finding.js';

const WHAT = 'GET /v1/customer_profiles/{integrationId}/inventory';

/** Tries the Integration API key, where one is set. Only imports use it, so what is wrong with it is a note. */
export async function checkIntegrationKey(
  config: Config,
  log: Logger,
  retry: RetryOptions,
  context: RequestContext,
): Promise<Finding[]> {
  if (config.talonOne.integrationApiKey === undefined) return [];
  try {
    await createImportClient(config, log, undefined, retry).tryIntegrationKey(context);
    return [{ what: WHAT, state: 'ok', found: 'the Integration API takes the key' }];
  } catch (error) {
    const found = isUnauthorised(error) ? 'the Integration API refuses the key' : messageOf(error);
    const advice =
      'The daemon does not need it, but "import profiles" and "import sessions" do: look at TALON_ONE_INTEGRATION_API_KEY and at Application, Settings, Integration API Keys.';
    return [{ what: WHAT, state: 'note', found, advice }];
  }
}

export const PROGRAM_PATH = '/v1/loyalty_programs/{loyaltyProgramId}';
export const PROFILE_PATH = `${PROGRAM_PATH}/profile/{integrationId}`;
export const CARD_PATH = `${PROGRAM_PATH}/cards/{loyaltyCardId}`;

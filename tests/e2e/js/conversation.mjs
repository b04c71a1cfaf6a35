// SPDX-License-Identifier: Apache-2.0
// Two people, an encrypted room, and a new device, with matrix-js-sdk and its Rust cryptography.
//
//   node conversation.mjs BASE-URL
//
// Writes a line for each step that holds. "RESTART" asks whoever started this to restart the server, and waits for a line.

import "./quiet.mjs";
import assert from "node:assert/strict";
import readline from "node:readline";
import * as sdk from "matrix-js-sdk";

const base = process.argv[2];
const run = Date.now().toString(36);
const TIMEOUT_MS = 60_000;

const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

function step(text) {
  process.stdout.write(`${text}\n`);
}

async function restartServer() {
  step("RESTART");
  await answers.next();
}

/** Resolves with what `probe` gives once it is true; asked again at each of the events, and twice a second besides. */
async function until(what, probe, client, ...events) {
  const end = Date.now() + TIMEOUT_MS;
  for (;;) {
    const result = await probe();
    if (result) {
      return result;
    }
    if (Date.now() > end) {
      throw new Error(`this never came: ${what}`);
    }
    await new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        events.forEach((event) => client.off(event, done));
        resolve();
      };
      const timer = setTimeout(done, 500);
      events.forEach((event) => client.on(event, done));
    });
  }
}

/** One person: what belongs to the account and outlives its devices. */
class Person {
  constructor(name) {
    this.name = `${name}-${run}`;
    this.password = `password of ${name}`;
    this.secretStorageKeys = new Map();
    this.devices = [];
  }

  async register() {
    const anonymous = sdk.createClient({ baseUrl: base });
    const body = { username: this.name, password: this.password, initial_device_display_name: "first device" };
    let session;
    try {
      await anonymous.registerRequest(body);
      assert.fail("registration asked for no stage");
    } catch (error) {
      session = error.data?.session;
      assert.ok(session, `registration: ${error}`);
    }
    return this.device(await anonymous.registerRequest({ ...body, auth: { type: "m.login.dummy", session } }));
  }

  async login() {
    const anonymous = sdk.createClient({ baseUrl: base });
    return this.device(
      await anonymous.loginRequest({
        type: "m.login.password",
        identifier: { type: "m.id.user", user: this.name },
        password: this.password,
        initial_device_display_name: "another device",
      }),
    );
  }

  /** A client with cryptography that syncs. */
  async device({ user_id: userId, device_id: deviceId, access_token: accessToken }) {
    this.userId = userId;
    const client = sdk.createClient({
      baseUrl: base,
      userId,
      deviceId,
      accessToken,
      cryptoCallbacks: {
        getSecretStorageKey: async ({ keys }) => {
          const known = Object.keys(keys).find((id) => this.secretStorageKeys.has(id));
          return known ? [known, this.secretStorageKeys.get(known)] : null;
        },
        cacheSecretStorageKey: (id, _info, key) => this.secretStorageKeys.set(id, key),
      },
    });
    await client.initRustCrypto({ useIndexedDB: false });
    await client.startClient({ initialSyncLimit: 50, pollTimeout: 10_000 });
    await until("the first sync", () => client.getSyncState() === "PREPARED" || client.getSyncState() === "SYNCING",
      client, "sync");
    this.devices.push(client);
    return client;
  }

  /** Cross-signing keys, secret storage and a key backup: what a client sets up for a new account. */
  async setUpKeys(client) {
    const crypto = client.getCrypto();
    await crypto.bootstrapCrossSigning({
      authUploadDeviceSigningKeys: async (upload) => {
        try {
          await upload(null);
        } catch (error) {
          const session = error.data?.session;
          assert.ok(session, `uploading cross-signing keys: ${error}`);
          await upload({
            type: "m.login.password",
            session,
            identifier: { type: "m.id.user", user: this.name },
            password: this.password,
          });
        }
      },
    });
    await crypto.bootstrapSecretStorage({
      createSecretStorageKey: () => crypto.createRecoveryKeyFromPassphrase(),
      setupNewKeyBackup: true,
    });
    assert.ok(await crypto.isCrossSigningReady(), "cross-signing is not ready");
    assert.ok(await crypto.isSecretStorageReady(), "secret storage is not ready");
    await until("an active key backup", () => crypto.getActiveSessionBackupVersion(), client);
  }
}

/** Waits until a device shows this text in a room, decrypted. */
async function reads(client, roomId, text) {
  return until(`"${text}" at ${client.getUserId()} ${client.getDeviceId()}`, () => {
    const events = client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [];
    return events.find((event) => event.isEncrypted() && !event.isDecryptionFailure() &&
      event.getContent().body === text);
  }, client, "Room.timeline", "Event.decrypted");
}

async function says(client, roomId, text) {
  const { event_id: eventId } = await client.sendEvent(roomId, "m.room.message", { msgtype: "m.text", body: text });
  return eventId;
}

async function main() {
  const alice = new Person("alice");
  const bob = new Person("bob");
  const laptop = await alice.register();
  const phone = await bob.register();
  step("two users registered, syncing");
  await alice.setUpKeys(laptop);
  await bob.setUpKeys(phone);
  step("cross-signing, secret storage and key backup set up");

  const { room_id: roomId } = await laptop.createRoom({
    preset: "private_chat",
    invite: [bob.userId],
    initial_state: [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }],
  });
  await until("the invite", () => phone.getRoom(roomId)?.getMyMembership() === "invite", phone, "Room.myMembership");
  await phone.joinRoom(roomId);
  await until("the join", () => laptop.getRoom(roomId)?.getMember(bob.userId)?.membership === "join",
    laptop, "RoomState.members");
  await until("the encrypted room", () => phone.getRoom(roomId)?.hasEncryptionStateEvent(), phone, "RoomState.events");
  step("an encrypted room with both in it");

  const first = await says(laptop, roomId, "hello, Bob");
  await reads(phone, roomId, "hello, Bob");
  await says(phone, roomId, "hello, Alice");
  await reads(laptop, roomId, "hello, Alice");
  const stored = await laptop.http.authedRequest("GET", `/rooms/${encodeURIComponent(roomId)}/event/${first}`);
  assert.equal(stored.type, "m.room.encrypted");
  assert.equal(stored.content.body, undefined, "the server has the plain text");
  step("messages both ways");

  const seen = await phone.getCrypto().getDeviceVerificationStatus(alice.userId, laptop.getDeviceId());
  assert.ok(seen?.signedByOwner, "Bob does not see that Alice signed her device");
  step("Bob sees that Alice has signed her device");

  await restartServer();
  await says(laptop, roomId, "are you still there?");
  await reads(phone, roomId, "are you still there?");
  await says(phone, roomId, "so it seems");
  await reads(laptop, roomId, "so it seems");
  step("messages both ways after the restart");

  await until("both sessions in Bob's backup", async () => {
    const { count } = await phone.http.authedRequest("GET", "/room_keys/version");
    return count >= 2;
  });
  phone.stopClient();
  step("Bob's key backup holds the sessions");

  const tablet = await bob.login();
  const crypto = tablet.getCrypto();
  const before = tablet.getRoom(roomId).getLiveTimeline().getEvents().filter((event) => event.isEncrypted());
  assert.ok(before.length >= 4 && before.every((event) => event.isDecryptionFailure() || event.isBeingDecrypted()),
    "a device without keys reads the history");
  assert.ok(await crypto.userHasCrossSigningKeys(bob.userId, true), "Bob's cross-signing keys are gone");
  // Keys out of secret storage, as somebody who types in the recovery key has them.
  await crypto.bootstrapCrossSigning({});
  await crypto.loadSessionBackupPrivateKeyFromSecretStorage();
  assert.ok(await crypto.checkKeyBackupAndEnable(), "the backup is not trusted");
  const restored = await crypto.restoreKeyBackup();
  assert.ok(restored.imported >= 2, `imported ${restored.imported} of ${restored.total} sessions`);
  for (const text of ["hello, Bob", "hello, Alice", "are you still there?", "so it seems"]) {
    await reads(tablet, roomId, text);
  }
  step("a new device restored the backup and reads the history");

  await until("the new device, signed, at Alice's", async () => {
    const status = await laptop.getCrypto().getDeviceVerificationStatus(bob.userId, tablet.getDeviceId());
    return status?.signedByOwner;
  }, laptop, "crypto.devicesUpdated");
  await says(laptop, roomId, "welcome back");
  await reads(tablet, roomId, "welcome back");
  await says(tablet, roomId, "nothing was lost");
  await reads(laptop, roomId, "nothing was lost");
  step("Alice talks with the new device");
}

try {
  await main();
  step("DONE");
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error?.stack ?? error}\n${error?.cause?.stack ?? ""}\n`);
  process.exit(1);
}

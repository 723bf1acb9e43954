// A thermometer with a measurement interval and a control point: all that it adds to bleno's own stack.
const bleno = require('@stoprocent/bleno');

const { Characteristic, Descriptor, PrimaryService } = bleno;
const interval = Buffer.from([0x3c, 0x00]);

function taken(_connection, _data, _offset, _withoutResponse, done) {
  done(Characteristic.RESULT_SUCCESS);
}

const thermometer = new PrimaryService({
  uuid: '1809',
  characteristics: [
    new Characteristic({
      uuid: '2a1c',
      properties: ['indicate'],
      descriptors: [new Descriptor({ uuid: '2901', value: 'body temperature' })],
    }),
    new Characteristic({
      uuid: '2a21',
      properties: ['read', 'write'],
      onReadRequest: (_connection, offset, done) => done(Characteristic.RESULT_SUCCESS, interval.slice(offset)),
      onWriteRequest: (_connection, data, _offset, _withoutResponse, done) => {
        if (data.length !== interval.length) return done(Characteristic.RESULT_INVALID_ATTRIBUTE_LENGTH);
        data.copy(interval);
        return done(Characteristic.RESULT_SUCCESS);
      },
    }),
    new Characteristic({ uuid: 'fff1', properties: ['writeWithoutResponse', 'notify'], onWriteRequest: taken }),
  ],
});

bleno.on('stateChange', (state) => {
  if (state === 'poweredOn') bleno.startAdvertising('thermo', ['1809']);
});
bleno.on('advertisingStart', (error) => {
  if (!error) bleno.setServices([thermometer]);
});

-- The change events of users; what is needed of them, by the schema that each record names.
CREATE TABLE user_events (
  `event_key` STRING,
  `event_type` STRING NOT NULL,
  `op` STRING NOT NULL,
  `lineage` STRING NOT NULL,
  `sequence` BIGINT NOT NULL,
  `batch_index` INT NOT NULL,
  `observed_at` TIMESTAMP(3) NOT NULL,
  `user_id` STRING NOT NULL,
  `after` ROW<`user_name` STRING NOT NULL, `status` STRING NOT NULL>
) WITH (
  'connector' = 'kafka',
  'topic' = 'alicloud.identity.users',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'event_key',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://localhost:8081',
  'value.fields-include' = 'EXCEPT_KEY'
);

-- The last event of each key, where it is no removal: the users as they are.
SELECT `user_id`, `after`.`user_name`, `after`.`status`, `sequence`
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY `event_key` ORDER BY `sequence` DESC) AS `nth`
  FROM user_events
  WHERE `lineage` = 'the one of the last sync.completed in .syncs'
)
WHERE `nth` = 1 AND `op` <> 'd';

"""TensorBoard event files: TFRecords of protobuf events, read without TensorFlow."""

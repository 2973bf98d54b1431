// SPDX-License-Identifier: Apache-2.0
// librdkafka's own cluster of three brokers, in this process, and a reader of one topic: says where the cluster listens,
// then each message as a line of JSON. Lines of standard input: "down", "up" (all brokers), "fail N" (the next N requests of
// producers); each is repeated when it has been done. Ends with standard input.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

namespace {

constexpr int kBrokers = 3, kPartitions = 4;
constexpr std::int16_t kProduce = 0;  // ApiKey, https://kafka.apache.org/protocol

rd_kafka_t* start(rd_kafka_type_t type, const char* brokers) {
    char error[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, nullptr);
    if (brokers) rd_kafka_conf_set(conf, "bootstrap.servers", brokers, error, sizeof error);
    rd_kafka_conf_set(conf, "group.id", "test", error, sizeof error);
    rd_kafka_t* handle = rd_kafka_new(type, conf, error, sizeof error);
    if (!handle) std::exit(1);
    return handle;
}

void say(const rd_kafka_message_t& message) {
    nlohmann::json line{{"key",
                         std::string(static_cast<const char*>(message.key), message.key_len)},
                        {"value",
                         std::string(static_cast<const char*>(message.payload), message.len)},
                        {"partition", message.partition}};
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char* name = nullptr;
        const void* value = nullptr;
        std::size_t size = 0;
        for (std::size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); ++i)
            line["headers"][name] = std::string(static_cast<const char*>(value), size);
    }
    std::cout << line.dump() << std::endl;
}

void obey(rd_kafka_mock_cluster_t* cluster, const std::string& line) {
    for (int broker = 1; broker <= kBrokers; ++broker) {
        if (line == "down") rd_kafka_mock_broker_set_down(cluster, broker);
        if (line == "up") rd_kafka_mock_broker_set_up(cluster, broker);
    }
    if (line.starts_with("fail "))
        for (int n = std::atoi(line.c_str() + 5); n > 0; --n)
            rd_kafka_mock_push_request_errors(cluster, kProduce, 1,
                                              RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    std::cout << line << std::endl;
}

// False: standard input has ended.
bool take_lines(rd_kafka_mock_cluster_t* cluster) {
    pollfd input{0, POLLIN, 0};
    for (std::string line; ::poll(&input, 1, 0) > 0;) {
        char c = 0;
        do {
            if (::read(0, &c, 1) != 1) return false;
            if (c != '\n') line += c;
        } while (c != '\n');
        obey(cluster, line);
        line.clear();
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    const char* topic = argc > 1 ? argv[1] : "brink";
    rd_kafka_t* owner = start(RD_KAFKA_PRODUCER, nullptr);
    rd_kafka_mock_cluster_t* cluster = rd_kafka_mock_cluster_new(owner, kBrokers);
    rd_kafka_mock_topic_create(cluster, topic, kPartitions, kBrokers);
    const char* brokers = rd_kafka_mock_cluster_bootstraps(cluster);
    std::cout << brokers << std::endl;
    rd_kafka_t* reader = start(RD_KAFKA_CONSUMER, brokers);
    rd_kafka_topic_partition_list_t* partitions = rd_kafka_topic_partition_list_new(kPartitions);
    for (int partition = 0; partition < kPartitions; ++partition)
        rd_kafka_topic_partition_list_add(partitions, topic, partition)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(reader, partitions);
    rd_kafka_topic_partition_list_destroy(partitions);
    while (take_lines(cluster)) {
        rd_kafka_message_t* message = rd_kafka_consumer_poll(reader, 50);
        if (!message) continue;
        if (!message->err) say(*message);
        rd_kafka_message_destroy(message);
    }
    ::_exit(0);
}

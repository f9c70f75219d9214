/* Written by csrc/tables/gen_protocol.lua: change the tables there, not this file. */
/* clang-format off */

#define SMPP_FIELDS(F) /* name, enum set */ \
  F(SYSTEM_ID, system_id, 0) \
  F(PASSWORD, password, 0) \
  F(SYSTEM_TYPE, system_type, 0) \
  F(INTERFACE_VERSION, interface_version, 9) \
  F(ADDR_TON, addr_ton, 1) \
  F(ADDR_NPI, addr_npi, 2) \
  F(ADDRESS_RANGE, address_range, 0) \
  F(SERVICE_TYPE, service_type, 0) \
  F(SOURCE_ADDR_TON, source_addr_ton, 1) \
  F(SOURCE_ADDR_NPI, source_addr_npi, 2) \
  F(SOURCE_ADDR, source_addr, 0) \
  F(DEST_ADDR_TON, dest_addr_ton, 1) \
  F(DEST_ADDR_NPI, dest_addr_npi, 2) \
  F(DESTINATION_ADDR, destination_addr, 0) \
  F(ESM_CLASS, esm_class, 3) \
  F(PROTOCOL_ID, protocol_id, 0) \
  F(PRIORITY_FLAG, priority_flag, 5) \
  F(SCHEDULE_DELIVERY_TIME, schedule_delivery_time, 0) \
  F(VALIDITY_PERIOD, validity_period, 0) \
  F(REGISTERED_DELIVERY, registered_delivery, 4) \
  F(REPLACE_IF_PRESENT_FLAG, replace_if_present_flag, 6) \
  F(DATA_CODING, data_coding, 10) \
  F(SM_DEFAULT_MSG_ID, sm_default_msg_id, 0) \
  F(SM_LENGTH, sm_length, 0) \
  F(SHORT_MESSAGE, short_message, 0) \
  F(MESSAGE_ID, message_id, 0) \
  F(NUMBER_OF_DESTS, number_of_dests, 0) \
  F(DEST_ADDRESS, dest_address, 0) \
  F(DEST_FLAG, dest_flag, 8) \
  F(DL_NAME, dl_name, 0) \
  F(NO_UNSUCCESS, no_unsuccess, 0) \
  F(UNSUCCESS_SME, unsuccess_sme, 0) \
  F(ERROR_STATUS_CODE, error_status_code, 0) \
  F(FINAL_DATE, final_date, 0) \
  F(MESSAGE_STATE, message_state, 7) \
  F(ERROR_CODE, error_code, 0) \
  F(ESME_ADDR_TON, esme_addr_ton, 1) \
  F(ESME_ADDR_NPI, esme_addr_npi, 2) \
  F(ESME_ADDR, esme_addr, 0) \
  F(PARAM_NAME, param_name, 0) \
  F(PARAM_VALUE, param_value, 0) \
  F(NUM_MESSAGES, num_messages, 0) \
  F(NUMBER_MSGS, number_msgs, 0)

/* command_id */
#define SMPP_BIND_RECEIVER 0x00000001u
#define SMPP_BIND_TRANSMITTER 0x00000002u
#define SMPP_QUERY_SM 0x00000003u
#define SMPP_SUBMIT_SM 0x00000004u
#define SMPP_DELIVER_SM 0x00000005u
#define SMPP_UNBIND 0x00000006u
#define SMPP_REPLACE_SM 0x00000007u
#define SMPP_CANCEL_SM 0x00000008u
#define SMPP_BIND_TRANSCEIVER 0x00000009u
#define SMPP_OUTBIND 0x0000000Bu
#define SMPP_ENQUIRE_LINK 0x00000015u
#define SMPP_SUBMIT_MULTI 0x00000021u
#define SMPP_PARAM_RETRIEVE 0x00000022u
#define SMPP_QUERY_LAST_MSGS 0x00000023u
#define SMPP_QUERY_MSG_DETAILS 0x00000024u
#define SMPP_ALERT_NOTIFICATION 0x00000102u
#define SMPP_DATA_SM 0x00000103u
#define SMPP_BROADCAST_SM 0x00000111u
#define SMPP_QUERY_BROADCAST_SM 0x00000112u
#define SMPP_CANCEL_BROADCAST_SM 0x00000113u
#define SMPP_GENERIC_NACK 0x80000000u
#define SMPP_BIND_RECEIVER_RESP 0x80000001u
#define SMPP_BIND_TRANSMITTER_RESP 0x80000002u
#define SMPP_QUERY_SM_RESP 0x80000003u
#define SMPP_SUBMIT_SM_RESP 0x80000004u
#define SMPP_DELIVER_SM_RESP 0x80000005u
#define SMPP_UNBIND_RESP 0x80000006u
#define SMPP_REPLACE_SM_RESP 0x80000007u
#define SMPP_CANCEL_SM_RESP 0x80000008u
#define SMPP_BIND_TRANSCEIVER_RESP 0x80000009u
#define SMPP_ENQUIRE_LINK_RESP 0x80000015u
#define SMPP_SUBMIT_MULTI_RESP 0x80000021u
#define SMPP_PARAM_RETRIEVE_RESP 0x80000022u
#define SMPP_QUERY_LAST_MSGS_RESP 0x80000023u
#define SMPP_QUERY_MSG_DETAILS_RESP 0x80000024u
#define SMPP_DATA_SM_RESP 0x80000103u
#define SMPP_BROADCAST_SM_RESP 0x80000111u
#define SMPP_QUERY_BROADCAST_SM_RESP 0x80000112u
#define SMPP_CANCEL_BROADCAST_SM_RESP 0x80000113u

/* command_status */
#define SMPP_ROK 0x00000000u
#define SMPP_RINVMSGLEN 0x00000001u
#define SMPP_RINVCMDLEN 0x00000002u
#define SMPP_RINVCMDID 0x00000003u
#define SMPP_RINVBNDSTS 0x00000004u
#define SMPP_RALYBND 0x00000005u
#define SMPP_RINVPRTFLG 0x00000006u
#define SMPP_RINVREGDLVFLG 0x00000007u
#define SMPP_RSYSERR 0x00000008u
#define SMPP_RINVPAR 0x00000009u
#define SMPP_RINVSRCADR 0x0000000Au
#define SMPP_RINVDSTADR 0x0000000Bu
#define SMPP_RINVMSGID 0x0000000Cu
#define SMPP_RBINDFAIL 0x0000000Du
#define SMPP_RINVPASWD 0x0000000Eu
#define SMPP_RINVSYSID 0x0000000Fu
#define SMPP_RCANCELFAIL 0x00000011u
#define SMPP_RINVDATFMT 0x00000012u
#define SMPP_RREPLACEFAIL 0x00000013u
#define SMPP_RMSGQFUL 0x00000014u
#define SMPP_RINVSERTYP 0x00000015u
#define SMPP_RINVNUMDESTS 0x00000033u
#define SMPP_RINVDLNAME 0x00000034u
#define SMPP_RINVDESTFLAG 0x00000040u
#define SMPP_RINVSUBREP 0x00000042u
#define SMPP_RINVESMCLASS 0x00000043u
#define SMPP_RCNTSUBDL 0x00000044u
#define SMPP_RSUBMITFAIL 0x00000045u
#define SMPP_RINVSRCADDRLEN 0x00000046u
#define SMPP_RINVDSTADDRLEN 0x00000047u
#define SMPP_RINVSRCTON 0x00000048u
#define SMPP_RINVSRCNPI 0x00000049u
#define SMPP_RINVDSTTON 0x00000050u
#define SMPP_RINVDSTNPI 0x00000051u
#define SMPP_RINVSYSTYP 0x00000053u
#define SMPP_RINVREPFLAG 0x00000054u
#define SMPP_RINVNUMMSGS 0x00000055u
#define SMPP_RLIMITEXCEED 0x00000056u
#define SMPP_RTXNOTALLOWD 0x00000057u
#define SMPP_RTHROTTLED 0x00000058u
#define SMPP_RINVSCHED 0x00000061u
#define SMPP_RINVEXPIRY 0x00000062u
#define SMPP_RINVDFTMSGID 0x00000063u
#define SMPP_RX_T_APPN 0x00000064u
#define SMPP_RX_P_APPN 0x00000065u
#define SMPP_RX_R_APPN 0x00000066u
#define SMPP_RQUERYFAIL 0x00000067u
#define SMPP_RINVTLVSTREAM 0x000000C0u
#define SMPP_RTLVNOTALLWD 0x000000C1u
#define SMPP_RINVTLVLEN 0x000000C2u
#define SMPP_RMISSINGTLV 0x000000C3u
#define SMPP_RINVTLVVAL 0x000000C4u
#define SMPP_RDELIVERYFAILURE 0x000000FEu
#define SMPP_RUNKNOWNERR 0x000000FFu
#define SMPP_RSERTYPUNAUTH 0x00000100u
#define SMPP_RPROHIBITED 0x00000101u
#define SMPP_RSERTYPUNAVAIL 0x00000102u
#define SMPP_RSERTYPDENIED 0x00000103u
#define SMPP_RINVDCS 0x00000104u
#define SMPP_RINVSRCADDRSUBUNIT 0x00000105u
#define SMPP_RINVDSTADDRSUBUNIT 0x00000106u
#define SMPP_RINVBCASTFREQINT 0x00000107u
#define SMPP_RINVBCASTALIAS_NAME 0x00000108u
#define SMPP_RINVBCASTAREAFMT 0x00000109u
#define SMPP_RINVNUMBCAST_AREAS 0x0000010Au
#define SMPP_RINVBCASTCNTTYPE 0x0000010Bu
#define SMPP_RINVBCASTMSGCLASS 0x0000010Cu
#define SMPP_RBCASTFAIL 0x0000010Du
#define SMPP_RBCASTQUERYFAIL 0x0000010Eu
#define SMPP_RBCASTCANCELFAIL 0x0000010Fu
#define SMPP_RINVBCAST_REP 0x00000110u
#define SMPP_RINVBCASTSRVGRP 0x00000111u
#define SMPP_RINVBCASTCHANIND 0x00000112u

/* tags */
#define SMPP_TLV_DEST_ADDR_SUBUNIT 0x0005u
#define SMPP_TLV_DEST_NETWORK_TYPE 0x0006u
#define SMPP_TLV_DEST_BEARER_TYPE 0x0007u
#define SMPP_TLV_DEST_TELEMATICS_ID 0x0008u
#define SMPP_TLV_SOURCE_ADDR_SUBUNIT 0x000Du
#define SMPP_TLV_SOURCE_NETWORK_TYPE 0x000Eu
#define SMPP_TLV_SOURCE_BEARER_TYPE 0x000Fu
#define SMPP_TLV_SOURCE_TELEMATICS_ID 0x0010u
#define SMPP_TLV_QOS_TIME_TO_LIVE 0x0017u
#define SMPP_TLV_PAYLOAD_TYPE 0x0019u
#define SMPP_TLV_ADDITIONAL_STATUS_INFO_TEXT 0x001Du
#define SMPP_TLV_RECEIPTED_MESSAGE_ID 0x001Eu
#define SMPP_TLV_MS_MSG_WAIT_FACILITIES 0x0030u
#define SMPP_TLV_PRIVACY_INDICATOR 0x0201u
#define SMPP_TLV_SOURCE_SUBADDRESS 0x0202u
#define SMPP_TLV_DEST_SUBADDRESS 0x0203u
#define SMPP_TLV_USER_MESSAGE_REFERENCE 0x0204u
#define SMPP_TLV_USER_RESPONSE_CODE 0x0205u
#define SMPP_TLV_SOURCE_PORT 0x020Au
#define SMPP_TLV_DEST_PORT 0x020Bu
#define SMPP_TLV_SAR_MSG_REF_NUM 0x020Cu
#define SMPP_TLV_LANGUAGE_INDICATOR 0x020Du
#define SMPP_TLV_SAR_TOTAL_SEGMENTS 0x020Eu
#define SMPP_TLV_SAR_SEGMENT_SEQNUM 0x020Fu
#define SMPP_TLV_SC_INTERFACE_VERSION 0x0210u
#define SMPP_TLV_CALLBACK_NUM_PRES_IND 0x0302u
#define SMPP_TLV_CALLBACK_NUM_ATAG 0x0303u
#define SMPP_TLV_NUMBER_OF_MESSAGES 0x0304u
#define SMPP_TLV_CALLBACK_NUM 0x0381u
#define SMPP_TLV_DPF_RESULT 0x0420u
#define SMPP_TLV_SET_DPF 0x0421u
#define SMPP_TLV_MS_AVAILABILITY_STATUS 0x0422u
#define SMPP_TLV_NETWORK_ERROR_CODE 0x0423u
#define SMPP_TLV_MESSAGE_PAYLOAD 0x0424u
#define SMPP_TLV_DELIVERY_FAILURE_REASON 0x0425u
#define SMPP_TLV_MORE_MESSAGES_TO_SEND 0x0426u
#define SMPP_TLV_MESSAGE_STATE 0x0427u
#define SMPP_TLV_CONGESTION_STATE 0x0428u
#define SMPP_TLV_USSD_SERVICE_OP 0x0501u
#define SMPP_TLV_BROADCAST_CHANNEL_INDICATOR 0x0600u
#define SMPP_TLV_BROADCAST_CONTENT_TYPE 0x0601u
#define SMPP_TLV_BROADCAST_CONTENT_TYPE_INFO 0x0602u
#define SMPP_TLV_BROADCAST_MESSAGE_CLASS 0x0603u
#define SMPP_TLV_BROADCAST_REP_NUM 0x0604u
#define SMPP_TLV_BROADCAST_FREQUENCY_INTERVAL 0x0605u
#define SMPP_TLV_BROADCAST_AREA_IDENTIFIER 0x0606u
#define SMPP_TLV_BROADCAST_ERROR_STATUS 0x0607u
#define SMPP_TLV_BROADCAST_AREA_SUCCESS 0x0608u
#define SMPP_TLV_BROADCAST_END_TIME 0x0609u
#define SMPP_TLV_BROADCAST_SERVICE_GROUP 0x060Au
#define SMPP_TLV_BILLING_IDENTIFICATION 0x060Bu
#define SMPP_TLV_SOURCE_NETWORK_ID 0x060Du
#define SMPP_TLV_DEST_NETWORK_ID 0x060Eu
#define SMPP_TLV_SOURCE_NODE_ID 0x060Fu
#define SMPP_TLV_DEST_NODE_ID 0x0610u
#define SMPP_TLV_DEST_ADDR_NP_RESOLUTION 0x0611u
#define SMPP_TLV_DEST_ADDR_NP_INFORMATION 0x0612u
#define SMPP_TLV_DEST_ADDR_NP_COUNTRY 0x0613u
#define SMPP_TLV_DISPLAY_TIME 0x1201u
#define SMPP_TLV_SMS_SIGNAL 0x1203u
#define SMPP_TLV_MS_VALIDITY 0x1204u
#define SMPP_TLV_ALERT_ON_MESSAGE_DELIVERY 0x130Cu
#define SMPP_TLV_ITS_REPLY_TYPE 0x1380u
#define SMPP_TLV_ITS_SESSION_INFO 0x1383u

#define SMPP_ROLES(R) /* what a command is for the layers above: commands.tsv */ \
  R(BIND, bind) \
  R(SESSION, session) \
  R(SUBMIT, submit) \
  R(TEXT, text) \
  R(MESSAGE_ID, message_id) \
  R(ORDERED, ordered) \
  R(LIMITED, limited) \
  R(DEFAULTS, defaults)

#ifdef SMPP_PROTOCOL_DATA

/* name, field, kind, most octets (a string's NUL included) in 3.3, 3.4, 5.0 (0: not in that version), enum set,
 * status of a bad one */
static const struct smpp_param params[] = {
  {"system_id", SMPP_F_SYSTEM_ID, SMPP_CSTRING, {16, 16, 16}, 0, 0x0F}, /* bind_receiver */
  {"password", SMPP_F_PASSWORD, SMPP_CSTRING, {9, 9, 9}, 0, 0x0E}, /* bind_receiver */
  {"system_type", SMPP_F_SYSTEM_TYPE, SMPP_CSTRING, {13, 13, 13}, 0, 0x53}, /* bind_receiver */
  {"interface_version", SMPP_F_INTERFACE_VERSION, SMPP_U8, {1, 1, 1}, 9, 0x02}, /* bind_receiver */
  {"addr_ton", SMPP_F_ADDR_TON, SMPP_U8, {1, 1, 1}, 1, 0x02}, /* bind_receiver */
  {"addr_npi", SMPP_F_ADDR_NPI, SMPP_U8, {1, 1, 1}, 2, 0x02}, /* bind_receiver */
  {"address_range", SMPP_F_ADDRESS_RANGE, SMPP_CSTRING, {41, 41, 41}, 0, 0x02}, /* bind_receiver */
  {"system_id", SMPP_F_SYSTEM_ID, SMPP_CSTRING, {16, 16, 16}, 0, 0x0F}, /* bind_transmitter */
  {"password", SMPP_F_PASSWORD, SMPP_CSTRING, {9, 9, 9}, 0, 0x0E}, /* bind_transmitter */
  {"system_type", SMPP_F_SYSTEM_TYPE, SMPP_CSTRING, {13, 13, 13}, 0, 0x53}, /* bind_transmitter */
  {"interface_version", SMPP_F_INTERFACE_VERSION, SMPP_U8, {1, 1, 1}, 9, 0x02}, /* bind_transmitter */
  {"addr_ton", SMPP_F_ADDR_TON, SMPP_U8, {1, 1, 1}, 1, 0x02}, /* bind_transmitter */
  {"addr_npi", SMPP_F_ADDR_NPI, SMPP_U8, {1, 1, 1}, 2, 0x02}, /* bind_transmitter */
  {"address_range", SMPP_F_ADDRESS_RANGE, SMPP_CSTRING, {41, 41, 41}, 0, 0x02}, /* bind_transmitter */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {9, 65, 65}, 0, 0x0C}, /* query_sm */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {1, 1, 1}, 1, 0x02}, /* query_sm */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {1, 1, 1}, 2, 0x02}, /* query_sm */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {21, 21, 21}, 0, 0x0A}, /* query_sm */
  {"service_type", SMPP_F_SERVICE_TYPE, SMPP_CSTRING, {6, 6, 6}, 0, 0x15}, /* submit_sm */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {1, 1, 1}, 1, 0x02}, /* submit_sm */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {1, 1, 1}, 2, 0x02}, /* submit_sm */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {21, 21, 21}, 0, 0x0A}, /* submit_sm */
  {"dest_addr_ton", SMPP_F_DEST_ADDR_TON, SMPP_U8, {1, 1, 1}, 1, 0x02}, /* submit_sm */
  {"dest_addr_npi", SMPP_F_DEST_ADDR_NPI, SMPP_U8, {1, 1, 1}, 2, 0x02}, /* submit_sm */
  {"destination_addr", SMPP_F_DESTINATION_ADDR, SMPP_CSTRING, {21, 21, 21}, 0, 0x0B}, /* submit_sm */
  {"esm_class", SMPP_F_ESM_CLASS, SMPP_U8, {1, 1, 1}, 3, 0x02}, /* submit_sm */
  {"protocol_id", SMPP_F_PROTOCOL_ID, SMPP_U8, {1, 1, 1}, 0, 0x02}, /* submit_sm */
  {"priority_flag", SMPP_F_PRIORITY_FLAG, SMPP_U8, {1, 1, 1}, 5, 0x02}, /* submit_sm */
  {"schedule_delivery_time", SMPP_F_SCHEDULE_DELIVERY_TIME, SMPP_TIME, {17, 17, 17}, 0, 0x61}, /* submit_sm */
  {"validity_period", SMPP_F_VALIDITY_PERIOD, SMPP_TIME, {17, 17, 17}, 0, 0x62}, /* submit_sm */
  {"registered_delivery", SMPP_F_REGISTERED_DELIVERY, SMPP_U8, {1, 1, 1}, 4, 0x02}, /* submit_sm */
  {"replace_if_present_flag", SMPP_F_REPLACE_IF_PRESENT_FLAG, SMPP_U8, {1, 1, 1}, 6, 0x02}, /* submit_sm */
  {"data_coding", SMPP_F_DATA_CODING, SMPP_U8, {1, 1, 1}, 10, 0x02}, /* submit_sm */
  {"sm_default_msg_id", SMPP_F_SM_DEFAULT_MSG_ID, SMPP_U8, {1, 1, 1}, 0, 0x02}, /* submit_sm */
  {"short_message", SMPP_F_SHORT_MESSAGE, SMPP_TEXT, {160, 254, 255}, 0, 0x01}, /* submit_sm */
  {"service_type", SMPP_F_SERVICE_TYPE, SMPP_CSTRING, {6, 6, 6}, 0, 0x15}, /* deliver_sm */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {1, 1, 1}, 1, 0x02}, /* deliver_sm */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {1, 1, 1}, 2, 0x02}, /* deliver_sm */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {21, 21, 21}, 0, 0x0A}, /* deliver_sm */
  {"dest_addr_ton", SMPP_F_DEST_ADDR_TON, SMPP_U8, {1, 1, 1}, 1, 0x02}, /* deliver_sm */
  {"dest_addr_npi", SMPP_F_DEST_ADDR_NPI, SMPP_U8, {1, 1, 1}, 2, 0x02}, /* deliver_sm */
  {"destination_addr", SMPP_F_DESTINATION_ADDR, SMPP_CSTRING, {21, 21, 21}, 0, 0x0B}, /* deliver_sm */
  {"esm_class", SMPP_F_ESM_CLASS, SMPP_U8, {1, 1, 1}, 3, 0x02}, /* deliver_sm */
  {"protocol_id", SMPP_F_PROTOCOL_ID, SMPP_U8, {1, 1, 1}, 0, 0x02}, /* deliver_sm */
  {"priority_flag", SMPP_F_PRIORITY_FLAG, SMPP_U8, {1, 1, 1}, 5, 0x02}, /* deliver_sm */
  {"schedule_delivery_time", SMPP_F_SCHEDULE_DELIVERY_TIME, SMPP_TIME, {17, 17, 17}, 0, 0x61}, /* deliver_sm */
  {"validity_period", SMPP_F_VALIDITY_PERIOD, SMPP_TIME, {17, 17, 17}, 0, 0x62}, /* deliver_sm */
  {"registered_delivery", SMPP_F_REGISTERED_DELIVERY, SMPP_U8, {1, 1, 1}, 4, 0x02}, /* deliver_sm */
  {"replace_if_present_flag", SMPP_F_REPLACE_IF_PRESENT_FLAG, SMPP_U8, {1, 1, 1}, 6, 0x02}, /* deliver_sm */
  {"data_coding", SMPP_F_DATA_CODING, SMPP_U8, {1, 1, 1}, 10, 0x02}, /* deliver_sm */
  {"sm_default_msg_id", SMPP_F_SM_DEFAULT_MSG_ID, SMPP_U8, {1, 1, 1}, 0, 0x02}, /* deliver_sm */
  {"short_message", SMPP_F_SHORT_MESSAGE, SMPP_TEXT, {160, 254, 255}, 0, 0x01}, /* deliver_sm */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {9, 65, 65}, 0, 0x0C}, /* replace_sm */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {1, 1, 1}, 1, 0x02}, /* replace_sm */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {1, 1, 1}, 2, 0x02}, /* replace_sm */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {21, 21, 21}, 0, 0x0A}, /* replace_sm */
  {"schedule_delivery_time", SMPP_F_SCHEDULE_DELIVERY_TIME, SMPP_TIME, {17, 17, 17}, 0, 0x61}, /* replace_sm */
  {"validity_period", SMPP_F_VALIDITY_PERIOD, SMPP_TIME, {17, 17, 17}, 0, 0x62}, /* replace_sm */
  {"registered_delivery", SMPP_F_REGISTERED_DELIVERY, SMPP_U8, {1, 1, 1}, 4, 0x02}, /* replace_sm */
  {"sm_default_msg_id", SMPP_F_SM_DEFAULT_MSG_ID, SMPP_U8, {1, 1, 1}, 0, 0x02}, /* replace_sm */
  {"short_message", SMPP_F_SHORT_MESSAGE, SMPP_TEXT, {160, 254, 255}, 0, 0x01}, /* replace_sm */
  {"service_type", SMPP_F_SERVICE_TYPE, SMPP_CSTRING, {6, 6, 6}, 0, 0x15}, /* cancel_sm */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {9, 65, 65}, 0, 0x0C}, /* cancel_sm */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {1, 1, 1}, 1, 0x02}, /* cancel_sm */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {1, 1, 1}, 2, 0x02}, /* cancel_sm */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {21, 21, 21}, 0, 0x0A}, /* cancel_sm */
  {"dest_addr_ton", SMPP_F_DEST_ADDR_TON, SMPP_U8, {1, 1, 1}, 1, 0x02}, /* cancel_sm */
  {"dest_addr_npi", SMPP_F_DEST_ADDR_NPI, SMPP_U8, {1, 1, 1}, 2, 0x02}, /* cancel_sm */
  {"destination_addr", SMPP_F_DESTINATION_ADDR, SMPP_CSTRING, {21, 21, 21}, 0, 0x0B}, /* cancel_sm */
  {"system_id", SMPP_F_SYSTEM_ID, SMPP_CSTRING, {0, 16, 16}, 0, 0x0F}, /* bind_transceiver */
  {"password", SMPP_F_PASSWORD, SMPP_CSTRING, {0, 9, 9}, 0, 0x0E}, /* bind_transceiver */
  {"system_type", SMPP_F_SYSTEM_TYPE, SMPP_CSTRING, {0, 13, 13}, 0, 0x53}, /* bind_transceiver */
  {"interface_version", SMPP_F_INTERFACE_VERSION, SMPP_U8, {0, 1, 1}, 9, 0x02}, /* bind_transceiver */
  {"addr_ton", SMPP_F_ADDR_TON, SMPP_U8, {0, 1, 1}, 1, 0x02}, /* bind_transceiver */
  {"addr_npi", SMPP_F_ADDR_NPI, SMPP_U8, {0, 1, 1}, 2, 0x02}, /* bind_transceiver */
  {"address_range", SMPP_F_ADDRESS_RANGE, SMPP_CSTRING, {0, 41, 41}, 0, 0x02}, /* bind_transceiver */
  {"system_id", SMPP_F_SYSTEM_ID, SMPP_CSTRING, {0, 16, 16}, 0, 0x0F}, /* outbind */
  {"password", SMPP_F_PASSWORD, SMPP_CSTRING, {0, 9, 9}, 0, 0x0E}, /* outbind */
  {"service_type", SMPP_F_SERVICE_TYPE, SMPP_CSTRING, {6, 6, 6}, 0, 0x15}, /* submit_multi */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {1, 1, 1}, 1, 0x02}, /* submit_multi */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {1, 1, 1}, 2, 0x02}, /* submit_multi */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {21, 21, 21}, 0, 0x0A}, /* submit_multi */
  {"dest_address", SMPP_F_DEST_ADDRESS, SMPP_DESTS, {255, 254, 255}, 0, 0x0B}, /* submit_multi */
  {"esm_class", SMPP_F_ESM_CLASS, SMPP_U8, {1, 1, 1}, 3, 0x02}, /* submit_multi */
  {"protocol_id", SMPP_F_PROTOCOL_ID, SMPP_U8, {1, 1, 1}, 0, 0x02}, /* submit_multi */
  {"priority_flag", SMPP_F_PRIORITY_FLAG, SMPP_U8, {1, 1, 1}, 5, 0x02}, /* submit_multi */
  {"schedule_delivery_time", SMPP_F_SCHEDULE_DELIVERY_TIME, SMPP_TIME, {17, 17, 17}, 0, 0x61}, /* submit_multi */
  {"validity_period", SMPP_F_VALIDITY_PERIOD, SMPP_TIME, {17, 17, 17}, 0, 0x62}, /* submit_multi */
  {"registered_delivery", SMPP_F_REGISTERED_DELIVERY, SMPP_U8, {1, 1, 1}, 4, 0x02}, /* submit_multi */
  {"replace_if_present_flag", SMPP_F_REPLACE_IF_PRESENT_FLAG, SMPP_U8, {1, 1, 1}, 6, 0x02}, /* submit_multi */
  {"data_coding", SMPP_F_DATA_CODING, SMPP_U8, {1, 1, 1}, 10, 0x02}, /* submit_multi */
  {"sm_default_msg_id", SMPP_F_SM_DEFAULT_MSG_ID, SMPP_U8, {1, 1, 1}, 0, 0x02}, /* submit_multi */
  {"short_message", SMPP_F_SHORT_MESSAGE, SMPP_TEXT, {160, 254, 255}, 0, 0x01}, /* submit_multi */
  {"param_name", SMPP_F_PARAM_NAME, SMPP_CSTRING, {32, 0, 0}, 0, 0x02}, /* param_retrieve */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {1, 0, 0}, 1, 0x02}, /* query_last_msgs */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {1, 0, 0}, 2, 0x02}, /* query_last_msgs */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {21, 0, 0}, 0, 0x0A}, /* query_last_msgs */
  {"num_messages", SMPP_F_NUM_MESSAGES, SMPP_U8, {1, 0, 0}, 0, 0x02}, /* query_last_msgs */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {9, 0, 0}, 0, 0x0C}, /* query_msg_details */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {1, 0, 0}, 1, 0x02}, /* query_msg_details */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {1, 0, 0}, 2, 0x02}, /* query_msg_details */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {21, 0, 0}, 0, 0x0A}, /* query_msg_details */
  {"sm_length", SMPP_F_SM_LENGTH, SMPP_U8, {1, 0, 0}, 0, 0x02}, /* query_msg_details */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {0, 1, 1}, 1, 0x02}, /* alert_notification */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {0, 1, 1}, 2, 0x02}, /* alert_notification */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {0, 65, 65}, 0, 0x0A}, /* alert_notification */
  {"esme_addr_ton", SMPP_F_ESME_ADDR_TON, SMPP_U8, {0, 1, 1}, 1, 0x02}, /* alert_notification */
  {"esme_addr_npi", SMPP_F_ESME_ADDR_NPI, SMPP_U8, {0, 1, 1}, 2, 0x02}, /* alert_notification */
  {"esme_addr", SMPP_F_ESME_ADDR, SMPP_CSTRING, {0, 65, 65}, 0, 0x02}, /* alert_notification */
  {"service_type", SMPP_F_SERVICE_TYPE, SMPP_CSTRING, {0, 6, 6}, 0, 0x15}, /* data_sm */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {0, 1, 1}, 1, 0x02}, /* data_sm */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {0, 1, 1}, 2, 0x02}, /* data_sm */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {0, 65, 65}, 0, 0x0A}, /* data_sm */
  {"dest_addr_ton", SMPP_F_DEST_ADDR_TON, SMPP_U8, {0, 1, 1}, 1, 0x02}, /* data_sm */
  {"dest_addr_npi", SMPP_F_DEST_ADDR_NPI, SMPP_U8, {0, 1, 1}, 2, 0x02}, /* data_sm */
  {"destination_addr", SMPP_F_DESTINATION_ADDR, SMPP_CSTRING, {0, 65, 65}, 0, 0x0B}, /* data_sm */
  {"esm_class", SMPP_F_ESM_CLASS, SMPP_U8, {0, 1, 1}, 3, 0x02}, /* data_sm */
  {"registered_delivery", SMPP_F_REGISTERED_DELIVERY, SMPP_U8, {0, 1, 1}, 4, 0x02}, /* data_sm */
  {"data_coding", SMPP_F_DATA_CODING, SMPP_U8, {0, 1, 1}, 10, 0x02}, /* data_sm */
  {"service_type", SMPP_F_SERVICE_TYPE, SMPP_CSTRING, {0, 0, 6}, 0, 0x15}, /* broadcast_sm */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {0, 0, 1}, 1, 0x02}, /* broadcast_sm */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {0, 0, 1}, 2, 0x02}, /* broadcast_sm */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {0, 0, 21}, 0, 0x0A}, /* broadcast_sm */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {0, 0, 65}, 0, 0x0C}, /* broadcast_sm */
  {"priority_flag", SMPP_F_PRIORITY_FLAG, SMPP_U8, {0, 0, 1}, 5, 0x02}, /* broadcast_sm */
  {"schedule_delivery_time", SMPP_F_SCHEDULE_DELIVERY_TIME, SMPP_TIME, {0, 0, 17}, 0, 0x61}, /* broadcast_sm */
  {"validity_period", SMPP_F_VALIDITY_PERIOD, SMPP_TIME, {0, 0, 17}, 0, 0x62}, /* broadcast_sm */
  {"replace_if_present_flag", SMPP_F_REPLACE_IF_PRESENT_FLAG, SMPP_U8, {0, 0, 1}, 6, 0x02}, /* broadcast_sm */
  {"data_coding", SMPP_F_DATA_CODING, SMPP_U8, {0, 0, 1}, 10, 0x02}, /* broadcast_sm */
  {"sm_default_msg_id", SMPP_F_SM_DEFAULT_MSG_ID, SMPP_U8, {0, 0, 1}, 0, 0x02}, /* broadcast_sm */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {0, 0, 65}, 0, 0x0C}, /* query_broadcast_sm */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {0, 0, 1}, 1, 0x02}, /* query_broadcast_sm */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {0, 0, 1}, 2, 0x02}, /* query_broadcast_sm */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {0, 0, 21}, 0, 0x0A}, /* query_broadcast_sm */
  {"service_type", SMPP_F_SERVICE_TYPE, SMPP_CSTRING, {0, 0, 6}, 0, 0x15}, /* cancel_broadcast_sm */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {0, 0, 65}, 0, 0x0C}, /* cancel_broadcast_sm */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {0, 0, 1}, 1, 0x02}, /* cancel_broadcast_sm */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {0, 0, 1}, 2, 0x02}, /* cancel_broadcast_sm */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {0, 0, 21}, 0, 0x0A}, /* cancel_broadcast_sm */
  {"system_id", SMPP_F_SYSTEM_ID, SMPP_CSTRING, {16, 16, 16}, 0, 0x0F}, /* bind_receiver_resp */
  {"system_id", SMPP_F_SYSTEM_ID, SMPP_CSTRING, {16, 16, 16}, 0, 0x0F}, /* bind_transmitter_resp */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {9, 65, 65}, 0, 0x0C}, /* query_sm_resp */
  {"final_date", SMPP_F_FINAL_DATE, SMPP_TIME, {17, 17, 17}, 0, 0x02}, /* query_sm_resp */
  {"message_state", SMPP_F_MESSAGE_STATE, SMPP_U8, {1, 1, 1}, 7, 0x02}, /* query_sm_resp */
  {"error_code", SMPP_F_ERROR_CODE, SMPP_U8, {1, 1, 1}, 0, 0x02}, /* query_sm_resp */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {9, 65, 65}, 0, 0x0C}, /* submit_sm_resp */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {9, 1, 65}, 0, 0x0C}, /* deliver_sm_resp */
  {"system_id", SMPP_F_SYSTEM_ID, SMPP_CSTRING, {0, 16, 16}, 0, 0x0F}, /* bind_transceiver_resp */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {9, 65, 65}, 0, 0x0C}, /* submit_multi_resp */
  {"unsuccess_sme", SMPP_F_UNSUCCESS_SME, SMPP_UNSUCCESS, {255, 255, 255}, 0, 0x02}, /* submit_multi_resp */
  {"param_value", SMPP_F_PARAM_VALUE, SMPP_CSTRING, {101, 0, 0}, 0, 0x02}, /* param_retrieve_resp */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_IDS, {255, 0, 0}, 0, 0x0C}, /* query_last_msgs_resp */
  {"service_type", SMPP_F_SERVICE_TYPE, SMPP_CSTRING, {6, 0, 0}, 0, 0x15}, /* query_msg_details_resp */
  {"source_addr_ton", SMPP_F_SOURCE_ADDR_TON, SMPP_U8, {1, 0, 0}, 1, 0x02}, /* query_msg_details_resp */
  {"source_addr_npi", SMPP_F_SOURCE_ADDR_NPI, SMPP_U8, {1, 0, 0}, 2, 0x02}, /* query_msg_details_resp */
  {"source_addr", SMPP_F_SOURCE_ADDR, SMPP_CSTRING, {21, 0, 0}, 0, 0x0A}, /* query_msg_details_resp */
  {"dest_address", SMPP_F_DEST_ADDRESS, SMPP_DESTS, {255, 0, 0}, 0, 0x0B}, /* query_msg_details_resp */
  {"protocol_id", SMPP_F_PROTOCOL_ID, SMPP_U8, {1, 0, 0}, 0, 0x02}, /* query_msg_details_resp */
  {"priority_flag", SMPP_F_PRIORITY_FLAG, SMPP_U8, {1, 0, 0}, 5, 0x02}, /* query_msg_details_resp */
  {"schedule_delivery_time", SMPP_F_SCHEDULE_DELIVERY_TIME, SMPP_TIME, {17, 0, 0}, 0, 0x61}, /* query_msg_details_resp */
  {"validity_period", SMPP_F_VALIDITY_PERIOD, SMPP_TIME, {17, 0, 0}, 0, 0x62}, /* query_msg_details_resp */
  {"registered_delivery", SMPP_F_REGISTERED_DELIVERY, SMPP_U8, {1, 0, 0}, 4, 0x02}, /* query_msg_details_resp */
  {"data_coding", SMPP_F_DATA_CODING, SMPP_U8, {1, 0, 0}, 10, 0x02}, /* query_msg_details_resp */
  {"short_message", SMPP_F_SHORT_MESSAGE, SMPP_TEXT, {160, 0, 0}, 0, 0x01}, /* query_msg_details_resp */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {9, 0, 0}, 0, 0x0C}, /* query_msg_details_resp */
  {"final_date", SMPP_F_FINAL_DATE, SMPP_TIME, {17, 0, 0}, 0, 0x02}, /* query_msg_details_resp */
  {"message_state", SMPP_F_MESSAGE_STATE, SMPP_U8, {1, 0, 0}, 7, 0x02}, /* query_msg_details_resp */
  {"error_code", SMPP_F_ERROR_CODE, SMPP_U8, {1, 0, 0}, 0, 0x02}, /* query_msg_details_resp */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {0, 65, 65}, 0, 0x0C}, /* data_sm_resp */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {0, 0, 65}, 0, 0x0C}, /* broadcast_sm_resp */
  {"message_id", SMPP_F_MESSAGE_ID, SMPP_CSTRING, {0, 0, 65}, 0, 0x0C}, /* query_broadcast_sm_resp */
};

/* [command][field] -> place among the command's parameters plus 1 */
static const uint8_t positions[][43] = {
  {1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* bind_receiver */
  {1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* bind_transmitter */
  {0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* query_sm */
  {0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* submit_sm */
  {0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* deliver_sm */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* unbind */
  {0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 4, 0, 0, 0, 0, 0, 0, 5, 6, 7, 0, 0, 8, 0, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* replace_sm */
  {0, 0, 0, 0, 0, 0, 0, 1, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* cancel_sm */
  {1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* bind_transceiver */
  {1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* outbind */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* enquire_link */
  {0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0, 15, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* submit_multi */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, /* param_retrieve */
  {0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0}, /* query_last_msgs */
  {0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* query_msg_details */
  {0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 5, 6, 0, 0, 0, 0}, /* alert_notification */
  {0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 9, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* data_sm */
  {0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 6, 7, 8, 0, 9, 10, 11, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* broadcast_sm */
  {0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* query_broadcast_sm */
  {0, 0, 0, 0, 0, 0, 0, 1, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* cancel_broadcast_sm */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* generic_nack */
  {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* bind_receiver_resp */
  {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* bind_transmitter_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0}, /* query_sm_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* submit_sm_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* deliver_sm_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* unbind_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* replace_sm_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* cancel_sm_resp */
  {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* bind_transceiver_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* enquire_link_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* submit_multi_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}, /* param_retrieve_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* query_last_msgs_resp */
  {0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 6, 7, 8, 9, 10, 0, 11, 0, 0, 12, 13, 0, 5, 0, 0, 0, 0, 0, 14, 15, 16, 0, 0, 0, 0, 0, 0, 0}, /* query_msg_details_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* data_sm_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* broadcast_sm_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* query_broadcast_sm_resp */
  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, /* cancel_broadcast_sm_resp */
};

/* id, name, versions, versions with TLVs, ESME sends in, MC sends in, roles, id of the response, params, positions */
static const struct smpp_command commands[] = {
  {0x00000001u, "bind_receiver", SMPP_V33 | SMPP_V34 | SMPP_V50, 0, SMPP_IN_OPEN | SMPP_IN_OUTBOUND, 0, SMPP_ROLE_BIND | SMPP_ROLE_SESSION, 0x80000001u, params + 0, 7, positions[0], SMPP_FIELD_COUNT},
  {0x00000002u, "bind_transmitter", SMPP_V33 | SMPP_V34 | SMPP_V50, 0, SMPP_IN_OPEN | SMPP_IN_OUTBOUND, 0, SMPP_ROLE_BIND | SMPP_ROLE_SESSION, 0x80000002u, params + 7, 7, positions[1], SMPP_FIELD_COUNT},
  {0x00000003u, "query_sm", SMPP_V33 | SMPP_V34 | SMPP_V50, 0, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, 0, 0x80000003u, params + 14, 4, positions[2], SMPP_FIELD_COUNT},
  {0x00000004u, "submit_sm", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V34 | SMPP_V50, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, SMPP_ROLE_SUBMIT | SMPP_ROLE_TEXT | SMPP_ROLE_MESSAGE_ID | SMPP_ROLE_ORDERED | SMPP_ROLE_LIMITED | SMPP_ROLE_DEFAULTS, 0x80000004u, params + 18, 17, positions[3], SMPP_FIELD_COUNT},
  {0x00000005u, "deliver_sm", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V34 | SMPP_V50, 0, SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX, SMPP_ROLE_TEXT, 0x80000005u, params + 35, 17, positions[4], SMPP_FIELD_COUNT},
  {0x00000006u, "unbind", SMPP_V33 | SMPP_V34 | SMPP_V50, 0, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX, SMPP_ROLE_SESSION, 0x80000006u, params + 52, 0, positions[5], SMPP_FIELD_COUNT},
  {0x00000007u, "replace_sm", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V50, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, SMPP_ROLE_TEXT, 0x80000007u, params + 52, 9, positions[6], SMPP_FIELD_COUNT},
  {0x00000008u, "cancel_sm", SMPP_V33 | SMPP_V34 | SMPP_V50, 0, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, 0, 0x80000008u, params + 61, 8, positions[7], SMPP_FIELD_COUNT},
  {0x00000009u, "bind_transceiver", SMPP_V34 | SMPP_V50, 0, SMPP_IN_OPEN | SMPP_IN_OUTBOUND, 0, SMPP_ROLE_BIND | SMPP_ROLE_SESSION, 0x80000009u, params + 69, 7, positions[8], SMPP_FIELD_COUNT},
  {0x0000000Bu, "outbind", SMPP_V34 | SMPP_V50, 0, 0, SMPP_IN_OPEN, SMPP_ROLE_SESSION, 0u, params + 76, 2, positions[9], SMPP_FIELD_COUNT},
  {0x00000015u, "enquire_link", SMPP_V33 | SMPP_V34 | SMPP_V50, 0, SMPP_IN_OPEN | SMPP_IN_OUTBOUND | SMPP_IN_BOUND_TX | SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX | SMPP_IN_UNBOUND, SMPP_IN_OPEN | SMPP_IN_OUTBOUND | SMPP_IN_BOUND_TX | SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX | SMPP_IN_UNBOUND, SMPP_ROLE_SESSION, 0x80000015u, params + 78, 0, positions[10], SMPP_FIELD_COUNT},
  {0x00000021u, "submit_multi", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V34 | SMPP_V50, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, SMPP_ROLE_SUBMIT | SMPP_ROLE_TEXT | SMPP_ROLE_MESSAGE_ID | SMPP_ROLE_LIMITED | SMPP_ROLE_DEFAULTS, 0x80000021u, params + 78, 15, positions[11], SMPP_FIELD_COUNT},
  {0x00000022u, "param_retrieve", SMPP_V33, 0, SMPP_IN_BOUND_TX, 0, 0, 0x80000022u, params + 93, 1, positions[12], SMPP_FIELD_COUNT},
  {0x00000023u, "query_last_msgs", SMPP_V33, 0, SMPP_IN_BOUND_TX, 0, 0, 0x80000023u, params + 94, 4, positions[13], SMPP_FIELD_COUNT},
  {0x00000024u, "query_msg_details", SMPP_V33, 0, SMPP_IN_BOUND_TX, 0, 0, 0x80000024u, params + 98, 5, positions[14], SMPP_FIELD_COUNT},
  {0x00000102u, "alert_notification", SMPP_V34 | SMPP_V50, SMPP_V34 | SMPP_V50, 0, SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX, 0, 0u, params + 103, 6, positions[15], SMPP_FIELD_COUNT},
  {0x00000103u, "data_sm", SMPP_V34 | SMPP_V50, SMPP_V34 | SMPP_V50, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX, SMPP_ROLE_SUBMIT | SMPP_ROLE_TEXT | SMPP_ROLE_MESSAGE_ID | SMPP_ROLE_ORDERED | SMPP_ROLE_LIMITED | SMPP_ROLE_DEFAULTS, 0x80000103u, params + 109, 10, positions[16], SMPP_FIELD_COUNT},
  {0x00000111u, "broadcast_sm", SMPP_V50, SMPP_V50, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, SMPP_ROLE_SUBMIT | SMPP_ROLE_TEXT | SMPP_ROLE_MESSAGE_ID | SMPP_ROLE_LIMITED, 0x80000111u, params + 119, 11, positions[17], SMPP_FIELD_COUNT},
  {0x00000112u, "query_broadcast_sm", SMPP_V50, SMPP_V50, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, 0, 0x80000112u, params + 130, 4, positions[18], SMPP_FIELD_COUNT},
  {0x00000113u, "cancel_broadcast_sm", SMPP_V50, SMPP_V50, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, 0, 0x80000113u, params + 134, 5, positions[19], SMPP_FIELD_COUNT},
  {0x80000000u, "generic_nack", SMPP_V33 | SMPP_V34 | SMPP_V50, 0, SMPP_IN_OPEN | SMPP_IN_OUTBOUND | SMPP_IN_BOUND_TX | SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX | SMPP_IN_UNBOUND, SMPP_IN_OPEN | SMPP_IN_OUTBOUND | SMPP_IN_BOUND_TX | SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX | SMPP_IN_UNBOUND, SMPP_ROLE_SESSION, 0u, params + 139, 0, positions[20], SMPP_FIELD_COUNT},
  {0x80000001u, "bind_receiver_resp", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V34 | SMPP_V50, 0, SMPP_IN_OPEN | SMPP_IN_OUTBOUND, SMPP_ROLE_SESSION, 0u, params + 139, 1, positions[21], SMPP_FIELD_COUNT},
  {0x80000002u, "bind_transmitter_resp", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V34 | SMPP_V50, 0, SMPP_IN_OPEN | SMPP_IN_OUTBOUND, SMPP_ROLE_SESSION, 0u, params + 140, 1, positions[22], SMPP_FIELD_COUNT},
  {0x80000003u, "query_sm_resp", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V50, 0, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, 0u, params + 141, 4, positions[23], SMPP_FIELD_COUNT},
  {0x80000004u, "submit_sm_resp", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V50, 0, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, 0u, params + 145, 1, positions[24], SMPP_FIELD_COUNT},
  {0x80000005u, "deliver_sm_resp", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V50, SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX, 0, 0, 0u, params + 146, 1, positions[25], SMPP_FIELD_COUNT},
  {0x80000006u, "unbind_resp", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V50, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX, SMPP_ROLE_SESSION, 0u, params + 147, 0, positions[26], SMPP_FIELD_COUNT},
  {0x80000007u, "replace_sm_resp", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V50, 0, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, 0u, params + 147, 0, positions[27], SMPP_FIELD_COUNT},
  {0x80000008u, "cancel_sm_resp", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V50, 0, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, 0u, params + 147, 0, positions[28], SMPP_FIELD_COUNT},
  {0x80000009u, "bind_transceiver_resp", SMPP_V34 | SMPP_V50, SMPP_V34 | SMPP_V50, 0, SMPP_IN_OPEN | SMPP_IN_OUTBOUND, SMPP_ROLE_SESSION, 0u, params + 147, 1, positions[29], SMPP_FIELD_COUNT},
  {0x80000015u, "enquire_link_resp", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V50, SMPP_IN_OPEN | SMPP_IN_OUTBOUND | SMPP_IN_BOUND_TX | SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX | SMPP_IN_UNBOUND, SMPP_IN_OPEN | SMPP_IN_OUTBOUND | SMPP_IN_BOUND_TX | SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX | SMPP_IN_UNBOUND, SMPP_ROLE_SESSION, 0u, params + 148, 0, positions[30], SMPP_FIELD_COUNT},
  {0x80000021u, "submit_multi_resp", SMPP_V33 | SMPP_V34 | SMPP_V50, SMPP_V50, 0, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, 0u, params + 148, 2, positions[31], SMPP_FIELD_COUNT},
  {0x80000022u, "param_retrieve_resp", SMPP_V33, 0, 0, SMPP_IN_BOUND_TX, 0, 0u, params + 150, 1, positions[32], SMPP_FIELD_COUNT},
  {0x80000023u, "query_last_msgs_resp", SMPP_V33, 0, 0, SMPP_IN_BOUND_TX, 0, 0u, params + 151, 1, positions[33], SMPP_FIELD_COUNT},
  {0x80000024u, "query_msg_details_resp", SMPP_V33, 0, 0, SMPP_IN_BOUND_TX, 0, 0u, params + 152, 16, positions[34], SMPP_FIELD_COUNT},
  {0x80000103u, "data_sm_resp", SMPP_V34 | SMPP_V50, SMPP_V34 | SMPP_V50, SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, 0u, params + 168, 1, positions[35], SMPP_FIELD_COUNT},
  {0x80000111u, "broadcast_sm_resp", SMPP_V50, SMPP_V50, 0, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, 0u, params + 169, 1, positions[36], SMPP_FIELD_COUNT},
  {0x80000112u, "query_broadcast_sm_resp", SMPP_V50, SMPP_V50, 0, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, 0u, params + 170, 1, positions[37], SMPP_FIELD_COUNT},
  {0x80000113u, "cancel_broadcast_sm_resp", SMPP_V50, SMPP_V50, 0, SMPP_IN_BOUND_TX | SMPP_IN_BOUND_TRX, 0, 0u, params + 171, 0, positions[38], SMPP_FIELD_COUNT},
};

/* tag, kind, repeats by design, least and most octets, versions, enum set, name, other name */
static const struct smpp_tlv_row tlvs[] = {
  {0x0005, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 14, "dest_addr_subunit", NULL},
  {0x0006, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 15, "dest_network_type", NULL},
  {0x0007, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 16, "dest_bearer_type", NULL},
  {0x0008, SMPP_U16, false, 2, 2, SMPP_V34 | SMPP_V50, 0, "dest_telematics_id", NULL},
  {0x000D, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 14, "source_addr_subunit", NULL},
  {0x000E, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 15, "source_network_type", NULL},
  {0x000F, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 16, "source_bearer_type", NULL},
  {0x0010, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 0, "source_telematics_id", NULL},
  {0x0017, SMPP_U32, false, 4, 4, SMPP_V34 | SMPP_V50, 0, "qos_time_to_live", NULL},
  {0x0019, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 17, "payload_type", NULL},
  {0x001D, SMPP_CSTRING, false, 1, 256, SMPP_V34 | SMPP_V50, 0, "additional_status_info_text", NULL},
  {0x001E, SMPP_CSTRING, false, 1, 65, SMPP_V34 | SMPP_V50, 0, "receipted_message_id", NULL},
  {0x0030, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 37, "ms_msg_wait_facilities", NULL},
  {0x0201, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 18, "privacy_indicator", NULL},
  {0x0202, SMPP_OCTETS, false, 2, 23, SMPP_V34 | SMPP_V50, 0, "source_subaddress", NULL},
  {0x0203, SMPP_OCTETS, false, 2, 23, SMPP_V34 | SMPP_V50, 0, "dest_subaddress", NULL},
  {0x0204, SMPP_U16, false, 2, 2, SMPP_V34 | SMPP_V50, 0, "user_message_reference", NULL},
  {0x0205, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 0, "user_response_code", NULL},
  {0x020A, SMPP_U16, false, 2, 2, SMPP_V34 | SMPP_V50, 0, "source_port", NULL},
  {0x020B, SMPP_U16, false, 2, 2, SMPP_V34 | SMPP_V50, 0, "dest_port", "destination_port"},
  {0x020C, SMPP_U16, false, 2, 2, SMPP_V34 | SMPP_V50, 0, "sar_msg_ref_num", NULL},
  {0x020D, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 19, "language_indicator", NULL},
  {0x020E, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 0, "sar_total_segments", NULL},
  {0x020F, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 0, "sar_segment_seqnum", NULL},
  {0x0210, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 9, "sc_interface_version", "SC_interface_version"},
  {0x0302, SMPP_U8, true, 1, 1, SMPP_V34 | SMPP_V50, 38, "callback_num_pres_ind", NULL},
  {0x0303, SMPP_OCTETS, true, 1, 65, SMPP_V34 | SMPP_V50, 0, "callback_num_atag", NULL},
  {0x0304, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 0, "number_of_messages", NULL},
  {0x0381, SMPP_OCTETS, true, 4, 19, SMPP_V34 | SMPP_V50, 39, "callback_num", NULL},
  {0x0420, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 22, "dpf_result", NULL},
  {0x0421, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 23, "set_dpf", NULL},
  {0x0422, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 24, "ms_availability_status", NULL},
  {0x0423, SMPP_OCTETS, false, 3, 3, SMPP_V34 | SMPP_V50, 0, "network_error_code", NULL},
  {0x0424, SMPP_OCTETS, false, 0, 65535, SMPP_V34 | SMPP_V50, 0, "message_payload", NULL},
  {0x0425, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 25, "delivery_failure_reason", NULL},
  {0x0426, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 26, "more_messages_to_send", NULL},
  {0x0427, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 7, "message_state", "message_state_option"},
  {0x0428, SMPP_U8, false, 1, 1, SMPP_V50, 13, "congestion_state", NULL},
  {0x0501, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 34, "ussd_service_op", NULL},
  {0x0600, SMPP_U8, false, 1, 1, SMPP_V50, 28, "broadcast_channel_indicator", NULL},
  {0x0601, SMPP_OCTETS, false, 3, 3, SMPP_V50, 40, "broadcast_content_type", NULL},
  {0x0602, SMPP_OCTETS, false, 1, 255, SMPP_V50, 0, "broadcast_content_type_info", NULL},
  {0x0603, SMPP_U8, false, 1, 1, SMPP_V50, 29, "broadcast_message_class", NULL},
  {0x0604, SMPP_U16, false, 2, 2, SMPP_V50, 0, "broadcast_rep_num", NULL},
  {0x0605, SMPP_OCTETS, false, 3, 3, SMPP_V50, 0, "broadcast_frequency_interval", NULL},
  {0x0606, SMPP_OCTETS, true, 1, 101, SMPP_V50, 0, "broadcast_area_identifier", "failed_broadcast_area_identifier"},
  {0x0607, SMPP_U32, true, 4, 4, SMPP_V50, 0, "broadcast_error_status", NULL},
  {0x0608, SMPP_U8, true, 1, 1, SMPP_V50, 0, "broadcast_area_success", NULL},
  {0x0609, SMPP_OCTETS, false, 16, 17, SMPP_V50, 0, "broadcast_end_time", NULL},
  {0x060A, SMPP_OCTETS, false, 1, 255, SMPP_V50, 0, "broadcast_service_group", NULL},
  {0x060B, SMPP_OCTETS, false, 1, 1024, SMPP_V50, 0, "billing_identification", NULL},
  {0x060D, SMPP_CSTRING, false, 7, 65, SMPP_V50, 0, "source_network_id", NULL},
  {0x060E, SMPP_CSTRING, false, 7, 65, SMPP_V50, 0, "dest_network_id", NULL},
  {0x060F, SMPP_OCTETS, false, 6, 6, SMPP_V50, 0, "source_node_id", NULL},
  {0x0610, SMPP_OCTETS, false, 6, 6, SMPP_V50, 0, "dest_node_id", NULL},
  {0x0611, SMPP_U8, false, 1, 1, SMPP_V50, 31, "dest_addr_np_resolution", NULL},
  {0x0612, SMPP_OCTETS, false, 10, 10, SMPP_V50, 0, "dest_addr_np_information", NULL},
  {0x0613, SMPP_OCTETS, false, 1, 5, SMPP_V50, 0, "dest_addr_np_country", NULL},
  {0x1201, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 20, "display_time", NULL},
  {0x1203, SMPP_U16, false, 2, 2, SMPP_V34 | SMPP_V50, 0, "sms_signal", NULL},
  {0x1204, SMPP_OCTETS, false, 1, 4, SMPP_V34 | SMPP_V50, 21, "ms_validity", NULL},
  {0x130C, SMPP_FLAG, false, 0, 1, SMPP_V34 | SMPP_V50, 30, "alert_on_message_delivery", "alert_on_msg_delivery"},
  {0x1380, SMPP_U8, false, 1, 1, SMPP_V34 | SMPP_V50, 27, "its_reply_type", NULL},
  {0x1383, SMPP_OCTETS, false, 2, 2, SMPP_V34 | SMPP_V50, 0, "its_session_info", NULL},
};

/* TLVs that a version's table makes part of a command */
static const struct smpp_required_tlv required_tlvs[] = {
  {0x00000111u, 0x0606}, /* broadcast_sm, broadcast_area_identifier */
  {0x00000111u, 0x0601}, /* broadcast_sm, broadcast_content_type */
  {0x00000111u, 0x0604}, /* broadcast_sm, broadcast_rep_num */
  {0x00000111u, 0x0605}, /* broadcast_sm, broadcast_frequency_interval */
  {0x80000112u, 0x0427}, /* query_broadcast_sm_resp, message_state */
  {0x80000112u, 0x0606}, /* query_broadcast_sm_resp, broadcast_area_identifier */
  {0x80000112u, 0x0608}, /* query_broadcast_sm_resp, broadcast_area_success */
};

/* code, name, alias, note, class, bind, meaning, advice */
static const struct smpp_status_row statuses[] = {
  {0x00000000, "ESME_ROK", NULL, NULL, "success", "bound",
   "request accepted",
   "nothing to do"},
  {0x00000001, "ESME_RINVMSGLEN", NULL, NULL, "permanent", NULL,
   "invalid length of the message text (short_message or message_payload), usually too long",
   "check the text's length: at most 254 octets in short_message (255 in 5.0, 160 in 3.3); send longer texts in parts or in message_payload"},
  {0x00000002, "ESME_RINVCMDLEN", NULL, NULL, "permanent", "give_up",
   "command_length too small or too large for the PDU; in a generic_nack: session (framing is suspect)",
   "malformed PDU (truncated, padded or with a wrong command_length): check it with `smpp decode`; on a bind, the port may be of another protocol or version"},
  {0x00000003, "ESME_RINVCMDID", NULL, NULL, "permanent", "give_up",
   "command_id unknown or not supported; as answer to a bind: try another bind type",
   "unsupported command: on a bind try another bind type (tx, rx or trx), else do not use the command"},
  {0x00000004, "ESME_RINVBNDSTS", NULL, NULL, "session", "retry_later",
   "PDU not allowed in the current bind state",
   "this bind type or session state does not allow the command: submit needs tx or trx, deliver needs rx or trx; bind first"},
  {0x00000005, "ESME_RALYBND", NULL, NULL, "session", "retry_later",
   "bind sent on a bound session, or (in practice) account already bound elsewhere",
   "the account is bound already, perhaps by a connection the carrier has not yet noticed is dead: close the other one or wait some minutes; ask how many binds are allowed"},
  {0x00000006, "ESME_RINVPRTFLG", NULL, NULL, "permanent", NULL,
   "priority_flag invalid or unsupported",
   "use a priority_flag from 0 to 3, or 0 if the carrier allows no other"},
  {0x00000007, "ESME_RINVREGDLVFLG", NULL, NULL, "permanent", NULL,
   "registered_delivery invalid, or receipts disabled",
   "use registered_delivery 0 or 1; ask the carrier whether receipts are switched on for the account"},
  {0x00000008, "ESME_RSYSERR", NULL, NULL, "temporary", "retry_later",
   "internal error of the message centre, or part of it unavailable",
   "internal error at the carrier: try again later, and report it if it persists"},
  {0x00000009, "ESME_RINVPAR", NULL, "3.3; number inferred", "permanent", NULL,
   "reserved in 3.4/5.0; invalid parameter in v3.3",
   "invalid parameter, not named by this 3.3 peer: compare the PDU with the carrier's guide"},
  {0x0000000A, "ESME_RINVSRCADR", NULL, NULL, "permanent", NULL,
   "source address invalid",
   "check the sender: its digits or letters, its TON and NPI, at most 11 characters for a name, and whether the carrier has registered it for you"},
  {0x0000000B, "ESME_RINVDSTADR", NULL, NULL, "permanent", NULL,
   "destination address invalid",
   "check the number: international format without +, TON 1 and NPI 1, no blanks; the carrier may also not serve this destination"},
  {0x0000000C, "ESME_RINVMSGID", NULL, NULL, "permanent", NULL,
   "message_id unknown or malformed",
   "the id is unknown, too old or of another account; use it exactly as submit_sm_resp gave it"},
  {0x0000000D, "ESME_RBINDFAIL", "ESME_RINVPASWD", "3.3; number inferred", "session", "retry_later",
   "bind refused: provisioning, credentials, bind limit or any other cause (many MCs use it for everything, also for short outages): retry slowly",
   "check system_id and password (a trailing space is the classic), the bind type, the IP address the carrier has allowed, and how many binds are open"},
  {0x0000000E, "ESME_RINVPASWD", "ESME_RINVPASWDLEN", "3.3; number inferred", "session", "give_up",
   "password field invalid (v5.0: length, not a wrong password; in practice also a wrong password)",
   "check the password: at most 8 characters by the standard, no blank at its end, upper and lower case"},
  {0x0000000F, "ESME_RINVSYSID", "ESME_RINVSYSIDSRV", "3.3; number inferred", "session", "give_up",
   "system_id field invalid or unknown",
   "check the system_id: spelling, upper and lower case, at most 15 characters, no blank at its end"},
  {0x00000011, "ESME_RCANCELFAIL", "ESME_RCNTCANMSG", "3.3", "permanent", NULL,
   "cancel_sm failed",
   "the message is perhaps already delivered or never existed: query it first"},
  {0x00000012, "ESME_RINVDATFMT", NULL, "3.3; number inferred", "permanent", NULL,
   "reserved in 3.4/5.0; invalid date format in v3.3",
   "use the time form YYMMDDhhmmsstnnp"},
  {0x00000013, "ESME_RREPLACEFAIL", "ESME_RCNTREPMSG", "3.3; number inferred", "permanent", NULL,
   "replace_sm failed",
   "the message is perhaps already delivered or never existed: query it first"},
  {0x00000014, "ESME_RMSGQFUL", NULL, NULL, "throttle", "retry_later",
   "message queue full, for this destination or for the whole MC",
   "the carrier's queue is full: slow down and try again later"},
  {0x00000015, "ESME_RINVSERTYP", "ESME_RSERNOTSUP", "3.3", "permanent", NULL,
   "service_type unknown, too long or not allowed",
   "leave service_type empty unless the carrier gave you one"},
  {0x00000033, "ESME_RINVNUMDESTS", NULL, NULL, "permanent", NULL,
   "number_of_dests invalid",
   "give 1 to 254 destinations"},
  {0x00000034, "ESME_RINVDLNAME", "ESME_RINVDISTNAMELEN", "3.3; number inferred", "permanent", NULL,
   "distribution list name invalid or unknown",
   "check the distribution list's name with the carrier"},
  {0x00000040, "ESME_RINVDESTFLAG", NULL, NULL, "permanent", NULL,
   "dest_flag of submit_multi invalid",
   "dest_flag must be 1 (address) or 2 (distribution list)"},
  {0x00000042, "ESME_RINVSUBREP", NULL, NULL, "permanent", NULL,
   "submit with replace_if_present not supported, not allowed or inappropriate",
   "send without replace_if_present_flag, or ask the carrier to allow it"},
  {0x00000043, "ESME_RINVESMCLASS", NULL, NULL, "permanent", NULL,
   "esm_class value unsupported",
   "use esm_class 0 for plain texts, 0x40 when the text begins with a UDH"},
  {0x00000044, "ESME_RCNTSUBDL", NULL, NULL, "permanent", NULL,
   "distribution lists unsupported, denied or unavailable",
   "the carrier offers no distribution lists: send to addresses"},
  {0x00000045, "ESME_RSUBMITFAIL", "ESME_RCNTSUBMULRECP", "3.3; number inferred", "permanent", NULL,
   "submission failed, no reason given",
   "the carrier gives no reason: check sender, destination and text, then ask the carrier"},
  {0x00000046, "ESME_RINVSRCADDRLEN", NULL, "3.3", "permanent", NULL,
   "reserved in 3.4/5.0; invalid source address length in v3.3",
   "the sender is too long: at most 20 characters"},
  {0x00000047, "ESME_RINVDSTADDRLEN", NULL, "3.3", "permanent", NULL,
   "reserved in 3.4/5.0; invalid destination address length in v3.3",
   "the destination is too long: at most 20 digits"},
  {0x00000048, "ESME_RINVSRCTON", NULL, NULL, "permanent", NULL,
   "source TON invalid or unsupported",
   "use source TON 1 for a number, 5 for a name, 3 or 0 for a short code, as the carrier says"},
  {0x00000049, "ESME_RINVSRCNPI", NULL, NULL, "permanent", NULL,
   "source NPI invalid or unsupported",
   "use source NPI 1 for a number and 0 for a name or short code"},
  {0x00000050, "ESME_RINVDSTTON", NULL, NULL, "permanent", NULL,
   "destination TON invalid or unsupported (0x50, not 0x4A)",
   "use destination TON 1 (international)"},
  {0x00000051, "ESME_RINVDSTNPI", NULL, NULL, "permanent", NULL,
   "destination NPI invalid or unsupported (0x51, not 0x4B)",
   "use destination NPI 1 (ISDN)"},
  {0x00000053, "ESME_RINVSYSTYP", NULL, NULL, "session", "give_up",
   "system_type of a bind invalid",
   "leave system_type empty unless the carrier gave you one"},
  {0x00000054, "ESME_RINVREPFLAG", NULL, NULL, "permanent", NULL,
   "replace_if_present_flag value invalid",
   "replace_if_present_flag must be 0 or 1"},
  {0x00000055, "ESME_RINVNUMMSGS", NULL, NULL, "permanent", NULL,
   "number of messages invalid (v3.3: num_messages of query_last_msgs)",
   "ask for 1 to 100 messages"},
  {0x00000056, "ESME_RLIMITEXCEED", NULL, "3.3", "throttle", "retry_later",
   "reserved in 3.4/5.0; transaction limit of the session exceeded in v3.3",
   "slow down: the session's limit of transactions is reached"},
  {0x00000057, "ESME_RTXNOTALLOWD", NULL, "3.3; number inferred", "permanent", NULL,
   "reserved in 3.4/5.0; transaction not allowed in v3.3",
   "ask the carrier to allow this operation for the account"},
  {0x00000058, "ESME_RTHROTTLED", "ESME_RTHROTTLEXCD", "3.3; number inferred", "throttle", "retry_later",
   "sender exceeded its allowed message rate",
   "slow down below the rate you have bought; the message itself is fine and can be sent again"},
  {0x00000061, "ESME_RINVSCHED", NULL, NULL, "permanent", NULL,
   "schedule_delivery_time invalid",
   "write schedule_delivery_time as YYMMDDhhmmsstnnp, in the future, or leave it empty"},
  {0x00000062, "ESME_RINVEXPIRY", NULL, NULL, "permanent", NULL,
   "validity_period invalid",
   "write validity_period as YYMMDDhhmmsstnnp, in the future and within the carrier's limit, or leave it empty"},
  {0x00000063, "ESME_RINVDFTMSGID", NULL, NULL, "permanent", NULL,
   "predefined message id invalid or not found",
   "use a predefined message the carrier has set up, or 0 for none"},
  {0x00000064, "ESME_RX_T_APPN", NULL, NULL, "temporary", NULL,
   "receiving ESME has a temporary problem: deliver again later",
   "deliver again later: the receiving application has a temporary problem"},
  {0x00000065, "ESME_RX_P_APPN", NULL, NULL, "permanent", NULL,
   "receiving ESME has a permanent problem with this destination: stop all messages queued for it",
   "stop sending to this destination: the receiving application has a permanent problem"},
  {0x00000066, "ESME_RX_R_APPN", NULL, NULL, "permanent", NULL,
   "receiving ESME rejects this one message",
   "do not send this message again: the receiving application rejects it"},
  {0x00000067, "ESME_RQUERYFAIL", NULL, NULL, "permanent", NULL,
   "query_sm failed",
   "the id is unknown or the carrier keeps no record of it"},
  {0x000000C0, "ESME_RINVTLVSTREAM", "ESME_RINVOPTPARSTREAM", "3.4", "permanent", NULL,
   "malformed TLVs: 1 to 3 trailing octets, or a TLV longer than the rest of the PDU",
   "malformed TLV: longer than the PDU, or trailing octets: check it with `smpp decode`"},
  {0x000000C1, "ESME_RTLVNOTALLWD", "ESME_ROPTPARNOTALLWD", "3.4", "permanent", NULL,
   "TLV not allowed here",
   "leave out the optional parameters the carrier does not allow"},
  {0x000000C2, "ESME_RINVTLVLEN", "ESME_RINVPARLEN", "3.4", "permanent", NULL,
   "TLV length invalid",
   "invalid TLV length: check it with `smpp decode`"},
  {0x000000C3, "ESME_RMISSINGTLV", "ESME_RMISSINGOPTPARAM", "3.4", "permanent", NULL,
   "required TLV missing",
   "the carrier requires a TLV that is missing (for example a registered template id): see its guide"},
  {0x000000C4, "ESME_RINVTLVVAL", "ESME_RINVOPTPARAMVAL", "3.4", "permanent", NULL,
   "TLV value invalid",
   "invalid TLV value: check it with `smpp decode`"},
  {0x000000FE, "ESME_RDELIVERYFAILURE", NULL, NULL, "temporary", NULL,
   "transaction-mode delivery failed: delivery_failure_reason 1 or 2 make it permanent, 0, 3 or absent temporary",
   "delivery failed: the TLV delivery_failure_reason says whether to try again"},
  {0x000000FF, "ESME_RUNKNOWNERR", NULL, NULL, "temporary", "retry_later",
   "unexpected error: retry a bounded number of times",
   "the carrier gives no reason: try again a few times, then ask"},
  {0x00000100, "ESME_RSERTYPUNAUTH", NULL, NULL, "permanent", NULL,
   "this ESME may not use the service_type",
   "ask the carrier to allow this service_type, or leave it empty"},
  {0x00000101, "ESME_RPROHIBITED", NULL, NULL, "permanent", "give_up",
   "this ESME may not use the operation",
   "ask the carrier to allow this operation for the account"},
  {0x00000102, "ESME_RSERTYPUNAVAIL", NULL, NULL, "temporary", NULL,
   "service_type currently unavailable",
   "the service is down: try again later"},
  {0x00000103, "ESME_RSERTYPDENIED", NULL, NULL, "permanent", NULL,
   "service_type denied because of the message content",
   "the content was refused for this service: change it or ask the carrier"},
  {0x00000104, "ESME_RINVDCS", NULL, NULL, "permanent", NULL,
   "data_coding invalid or unsupported",
   "use a data_coding the carrier accepts: 0 (default), 3 (Latin-1) or 8 (UCS-2) are the usual ones"},
  {0x00000105, "ESME_RINVSRCADDRSUBUNIT", NULL, NULL, "permanent", NULL,
   "source_addr_subunit invalid",
   "source_addr_subunit must be 0 to 4"},
  {0x00000106, "ESME_RINVDSTADDRSUBUNIT", NULL, NULL, "permanent", NULL,
   "dest_addr_subunit invalid",
   "dest_addr_subunit must be 0 to 4"},
  {0x00000107, "ESME_RINVBCASTFREQINT", NULL, NULL, "permanent", NULL,
   "broadcast_frequency_interval invalid or unsupported",
   "check broadcast_frequency_interval: a unit octet and a count"},
  {0x00000108, "ESME_RINVBCASTALIAS_NAME", NULL, NULL, "permanent", NULL,
   "broadcast alias name invalid",
   "check the alias in broadcast_area_identifier with the carrier"},
  {0x00000109, "ESME_RINVBCASTAREAFMT", NULL, NULL, "permanent", NULL,
   "broadcast area format invalid",
   "broadcast_area_identifier must begin with 0 (alias), 1 (ellipsoid arc) or 2 (polygon)"},
  {0x0000010A, "ESME_RINVNUMBCAST_AREAS", NULL, NULL, "permanent", NULL,
   "number of broadcast areas invalid",
   "give as many broadcast areas as the carrier allows"},
  {0x0000010B, "ESME_RINVBCASTCNTTYPE", NULL, NULL, "permanent", NULL,
   "broadcast_content_type invalid",
   "check broadcast_content_type with the carrier"},
  {0x0000010C, "ESME_RINVBCASTMSGCLASS", NULL, NULL, "permanent", NULL,
   "broadcast_message_class invalid",
   "broadcast_message_class must be 0 to 3"},
  {0x0000010D, "ESME_RBCASTFAIL", NULL, NULL, "permanent", NULL,
   "broadcast_sm failed",
   "the broadcast failed without a reason: ask the carrier"},
  {0x0000010E, "ESME_RBCASTQUERYFAIL", NULL, NULL, "permanent", NULL,
   "query_broadcast_sm failed",
   "the broadcast is unknown: check its message_id"},
  {0x0000010F, "ESME_RBCASTCANCELFAIL", NULL, NULL, "permanent", NULL,
   "cancel_broadcast_sm failed",
   "the broadcast is unknown or over: query it first"},
  {0x00000110, "ESME_RINVBCAST_REP", NULL, NULL, "permanent", NULL,
   "broadcast_rep_num invalid",
   "check broadcast_rep_num with the carrier"},
  {0x00000111, "ESME_RINVBCASTSRVGRP", NULL, NULL, "permanent", NULL,
   "broadcast_service_group invalid",
   "check broadcast_service_group with the carrier"},
  {0x00000112, "ESME_RINVBCASTCHANIND", NULL, NULL, "permanent", NULL,
   "broadcast_channel_indicator invalid",
   "broadcast_channel_indicator must be 0 or 1"},
};

/* sub-field, mask, least and most value, name */
static const struct smpp_enum enums[] = {
  {"", 0xFF, 0x00, 0x00, "unknown"}, /* ton */
  {"", 0xFF, 0x01, 0x01, "international"}, /* ton */
  {"", 0xFF, 0x02, 0x02, "national"}, /* ton */
  {"", 0xFF, 0x03, 0x03, "network_specific"}, /* ton */
  {"", 0xFF, 0x04, 0x04, "subscriber_number"}, /* ton */
  {"", 0xFF, 0x05, 0x05, "alphanumeric"}, /* ton */
  {"", 0xFF, 0x06, 0x06, "abbreviated"}, /* ton */
  {"", 0xFF, 0x07, 0x07, "reserved_for_extension"}, /* ton */
  {"", 0xFF, 0x00, 0x00, "unknown"}, /* npi */
  {"", 0xFF, 0x01, 0x01, "isdn"}, /* npi */
  {"", 0xFF, 0x03, 0x03, "data"}, /* npi */
  {"", 0xFF, 0x04, 0x04, "telex"}, /* npi */
  {"", 0xFF, 0x06, 0x06, "land_mobile"}, /* npi */
  {"", 0xFF, 0x08, 0x08, "national"}, /* npi */
  {"", 0xFF, 0x09, 0x09, "private"}, /* npi */
  {"", 0xFF, 0x0A, 0x0A, "ermes"}, /* npi */
  {"", 0xFF, 0x0E, 0x0E, "internet"}, /* npi */
  {"", 0xFF, 0x12, 0x12, "wap_client_id"}, /* npi */
  {"mode", 0x03, 0x00, 0x00, "default"}, /* esm_class */
  {"mode", 0x03, 0x01, 0x01, "datagram"}, /* esm_class */
  {"mode", 0x03, 0x02, 0x02, "forward"}, /* esm_class */
  {"mode", 0x03, 0x03, 0x03, "store_and_forward"}, /* esm_class */
  {"type", 0x3C, 0x00, 0x00, "normal"}, /* esm_class */
  {"type", 0x3C, 0x04, 0x04, "mc_delivery_receipt"}, /* esm_class */
  {"type", 0x3C, 0x08, 0x08, "delivery_ack"}, /* esm_class */
  {"type", 0x3C, 0x10, 0x10, "manual_ack"}, /* esm_class */
  {"type", 0x3C, 0x18, 0x18, "conversation_abort"}, /* esm_class */
  {"type", 0x3C, 0x20, 0x20, "intermediate_notification"}, /* esm_class */
  {"features", 0xC0, 0x00, 0x00, "none"}, /* esm_class */
  {"features", 0xC0, 0x40, 0x40, "udhi"}, /* esm_class */
  {"features", 0xC0, 0x80, 0x80, "reply_path"}, /* esm_class */
  {"features", 0xC0, 0xC0, 0xC0, "udhi_and_reply_path"}, /* esm_class */
  {"receipt", 0x03, 0x00, 0x00, "none"}, /* registered_delivery */
  {"receipt", 0x03, 0x01, 0x01, "success_or_failure"}, /* registered_delivery */
  {"receipt", 0x03, 0x02, 0x02, "failure_only"}, /* registered_delivery */
  {"receipt", 0x03, 0x03, 0x03, "success_only"}, /* registered_delivery */
  {"sme_ack", 0x0C, 0x00, 0x00, "none"}, /* registered_delivery */
  {"sme_ack", 0x0C, 0x04, 0x04, "delivery_ack"}, /* registered_delivery */
  {"sme_ack", 0x0C, 0x08, 0x08, "manual_ack"}, /* registered_delivery */
  {"sme_ack", 0x0C, 0x0C, 0x0C, "both"}, /* registered_delivery */
  {"intermediate", 0x10, 0x00, 0x00, "none"}, /* registered_delivery */
  {"intermediate", 0x10, 0x10, 0x10, "requested"}, /* registered_delivery */
  {"gsm_sms", 0xFF, 0x00, 0x00, "non_priority"}, /* priority_flag */
  {"gsm_sms", 0xFF, 0x01, 0x01, "priority"}, /* priority_flag */
  {"gsm_sms", 0xFF, 0x02, 0x02, "priority"}, /* priority_flag */
  {"gsm_sms", 0xFF, 0x03, 0x03, "priority"}, /* priority_flag */
  {"gsm_cbs", 0xFF, 0x00, 0x00, "normal"}, /* priority_flag */
  {"gsm_cbs", 0xFF, 0x01, 0x01, "immediate_broadcast"}, /* priority_flag */
  {"gsm_cbs", 0xFF, 0x02, 0x02, "high_priority"}, /* priority_flag */
  {"gsm_cbs", 0xFF, 0x03, 0x03, "reserved"}, /* priority_flag */
  {"gsm_cbs", 0xFF, 0x04, 0x04, "priority_background"}, /* priority_flag */
  {"ansi_136", 0xFF, 0x00, 0x00, "bulk"}, /* priority_flag */
  {"ansi_136", 0xFF, 0x01, 0x01, "normal"}, /* priority_flag */
  {"ansi_136", 0xFF, 0x02, 0x02, "urgent"}, /* priority_flag */
  {"ansi_136", 0xFF, 0x03, 0x03, "very_urgent"}, /* priority_flag */
  {"is_95", 0xFF, 0x00, 0x00, "normal"}, /* priority_flag */
  {"is_95", 0xFF, 0x01, 0x01, "interactive"}, /* priority_flag */
  {"is_95", 0xFF, 0x02, 0x02, "urgent"}, /* priority_flag */
  {"is_95", 0xFF, 0x03, 0x03, "emergency"}, /* priority_flag */
  {"ansi_41_cbs", 0xFF, 0x00, 0x00, "normal"}, /* priority_flag */
  {"ansi_41_cbs", 0xFF, 0x01, 0x01, "interactive"}, /* priority_flag */
  {"ansi_41_cbs", 0xFF, 0x02, 0x02, "urgent"}, /* priority_flag */
  {"ansi_41_cbs", 0xFF, 0x03, 0x03, "emergency"}, /* priority_flag */
  {"", 0xFF, 0x00, 0x00, "dont_replace"}, /* replace_if_present_flag */
  {"", 0xFF, 0x01, 0x01, "replace"}, /* replace_if_present_flag */
  {"", 0xFF, 0x00, 0x00, "scheduled"}, /* message_state */
  {"", 0xFF, 0x01, 0x01, "enroute"}, /* message_state */
  {"", 0xFF, 0x02, 0x02, "delivered"}, /* message_state */
  {"", 0xFF, 0x03, 0x03, "expired"}, /* message_state */
  {"", 0xFF, 0x04, 0x04, "deleted"}, /* message_state */
  {"", 0xFF, 0x05, 0x05, "undeliverable"}, /* message_state */
  {"", 0xFF, 0x06, 0x06, "accepted"}, /* message_state */
  {"", 0xFF, 0x07, 0x07, "unknown"}, /* message_state */
  {"", 0xFF, 0x08, 0x08, "rejected"}, /* message_state */
  {"", 0xFF, 0x09, 0x09, "skipped"}, /* message_state */
  {"", 0xFF, 0x01, 0x01, "sme_address"}, /* dest_flag */
  {"", 0xFF, 0x02, 0x02, "distribution_list"}, /* dest_flag */
  {"", 0xFF, 0x00, 0x33, "3.3_or_earlier"}, /* interface_version */
  {"", 0xFF, 0x34, 0x34, "3.4"}, /* interface_version */
  {"", 0xFF, 0x50, 0x50, "5.0"}, /* interface_version */
  {"", 0xFF, 0x00, 0x00, "mc_default"}, /* data_coding */
  {"", 0xFF, 0x01, 0x01, "ascii"}, /* data_coding */
  {"", 0xFF, 0x02, 0x02, "binary_a"}, /* data_coding */
  {"", 0xFF, 0x03, 0x03, "latin1"}, /* data_coding */
  {"", 0xFF, 0x04, 0x04, "binary"}, /* data_coding */
  {"", 0xFF, 0x05, 0x05, "jis"}, /* data_coding */
  {"", 0xFF, 0x06, 0x06, "cyrillic"}, /* data_coding */
  {"", 0xFF, 0x07, 0x07, "hebrew"}, /* data_coding */
  {"", 0xFF, 0x08, 0x08, "ucs2"}, /* data_coding */
  {"", 0xFF, 0x09, 0x09, "pictogram"}, /* data_coding */
  {"", 0xFF, 0x0A, 0x0A, "iso_2022_jp"}, /* data_coding */
  {"", 0xFF, 0x0D, 0x0D, "kanji_jis"}, /* data_coding */
  {"", 0xFF, 0x0E, 0x0E, "ksc5601"}, /* data_coding */
  {"", 0xFF, 0x0B, 0x0B, "reserved"}, /* data_coding */
  {"", 0xFF, 0x0C, 0x0C, "reserved"}, /* data_coding */
  {"", 0xFF, 0x0F, 0xBF, "reserved"}, /* data_coding */
  {"", 0xF0, 0xC0, 0xC0, "gsm_mwi_control"}, /* data_coding */
  {"", 0xF0, 0xD0, 0xD0, "gsm_mwi_control"}, /* data_coding */
  {"", 0xF0, 0xE0, 0xE0, "reserved"}, /* data_coding */
  {"", 0xF0, 0xF0, 0xF0, "gsm_message_class"}, /* data_coding */
  {"gsm", 0xFF, 0x10, 0x10, "gsm7_class_0"}, /* data_coding */
  {"gsm", 0xFF, 0x11, 0x11, "gsm7_class_1"}, /* data_coding */
  {"gsm", 0xFF, 0x12, 0x12, "gsm7_class_2"}, /* data_coding */
  {"gsm", 0xFF, 0x13, 0x13, "gsm7_class_3"}, /* data_coding */
  {"gsm", 0xFF, 0x14, 0x14, "8bit_class_0"}, /* data_coding */
  {"gsm", 0xFF, 0x15, 0x15, "8bit_class_1"}, /* data_coding */
  {"gsm", 0xFF, 0x16, 0x16, "8bit_class_2"}, /* data_coding */
  {"gsm", 0xFF, 0x17, 0x17, "8bit_class_3"}, /* data_coding */
  {"gsm", 0xFF, 0x18, 0x18, "ucs2_class_0"}, /* data_coding */
  {"gsm", 0xFF, 0x19, 0x19, "ucs2_class_1"}, /* data_coding */
  {"gsm", 0xFF, 0x1A, 0x1A, "ucs2_class_2"}, /* data_coding */
  {"gsm", 0xFF, 0x1B, 0x1B, "ucs2_class_3"}, /* data_coding */
  {"gsm", 0xFF, 0xF0, 0xF0, "gsm7_class_0"}, /* data_coding */
  {"gsm", 0xFF, 0xF1, 0xF1, "gsm7_class_1"}, /* data_coding */
  {"gsm", 0xFF, 0xF2, 0xF2, "gsm7_class_2"}, /* data_coding */
  {"gsm", 0xFF, 0xF3, 0xF3, "gsm7_class_3"}, /* data_coding */
  {"gsm", 0xFF, 0xF4, 0xF4, "8bit_class_0"}, /* data_coding */
  {"gsm", 0xFF, 0xF5, 0xF5, "8bit_class_1"}, /* data_coding */
  {"gsm", 0xFF, 0xF6, 0xF6, "8bit_class_2"}, /* data_coding */
  {"gsm", 0xFF, 0xF7, 0xF7, "8bit_class_3"}, /* data_coding */
  {"gsm", 0xFF, 0xC0, 0xC0, "mwi_discard_gsm7_voicemail_off"}, /* data_coding */
  {"gsm", 0xFF, 0xC8, 0xC8, "mwi_discard_gsm7_voicemail_on"}, /* data_coding */
  {"gsm", 0xFF, 0xC1, 0xC1, "mwi_discard_gsm7_fax_off"}, /* data_coding */
  {"gsm", 0xFF, 0xC9, 0xC9, "mwi_discard_gsm7_fax_on"}, /* data_coding */
  {"gsm", 0xFF, 0xC2, 0xC2, "mwi_discard_gsm7_email_off"}, /* data_coding */
  {"gsm", 0xFF, 0xCA, 0xCA, "mwi_discard_gsm7_email_on"}, /* data_coding */
  {"gsm", 0xFF, 0xC3, 0xC3, "mwi_discard_gsm7_other_off"}, /* data_coding */
  {"gsm", 0xFF, 0xCB, 0xCB, "mwi_discard_gsm7_other_on"}, /* data_coding */
  {"gsm", 0xFF, 0xD0, 0xD0, "mwi_store_gsm7_voicemail_off"}, /* data_coding */
  {"gsm", 0xFF, 0xD8, 0xD8, "mwi_store_gsm7_voicemail_on"}, /* data_coding */
  {"gsm", 0xFF, 0xD1, 0xD1, "mwi_store_gsm7_fax_off"}, /* data_coding */
  {"gsm", 0xFF, 0xD9, 0xD9, "mwi_store_gsm7_fax_on"}, /* data_coding */
  {"gsm", 0xFF, 0xD2, 0xD2, "mwi_store_gsm7_email_off"}, /* data_coding */
  {"gsm", 0xFF, 0xDA, 0xDA, "mwi_store_gsm7_email_on"}, /* data_coding */
  {"gsm", 0xFF, 0xD3, 0xD3, "mwi_store_gsm7_other_off"}, /* data_coding */
  {"gsm", 0xFF, 0xDB, 0xDB, "mwi_store_gsm7_other_on"}, /* data_coding */
  {"gsm", 0xFF, 0xE0, 0xE0, "mwi_store_ucs2_voicemail_off"}, /* data_coding */
  {"gsm", 0xFF, 0xE8, 0xE8, "mwi_store_ucs2_voicemail_on"}, /* data_coding */
  {"gsm", 0xFF, 0xE1, 0xE1, "mwi_store_ucs2_fax_off"}, /* data_coding */
  {"gsm", 0xFF, 0xE9, 0xE9, "mwi_store_ucs2_fax_on"}, /* data_coding */
  {"gsm", 0xFF, 0xE2, 0xE2, "mwi_store_ucs2_email_off"}, /* data_coding */
  {"gsm", 0xFF, 0xEA, 0xEA, "mwi_store_ucs2_email_on"}, /* data_coding */
  {"gsm", 0xFF, 0xE3, 0xE3, "mwi_store_ucs2_other_off"}, /* data_coding */
  {"gsm", 0xFF, 0xEB, 0xEB, "mwi_store_ucs2_other_on"}, /* data_coding */
  {"group", 0xC0, 0x00, 0x00, "general"}, /* dcs */
  {"group", 0xC0, 0x40, 0x40, "auto_delete"}, /* dcs */
  {"group", 0xF0, 0x80, 0x80, "reserved"}, /* dcs */
  {"group", 0xF0, 0x90, 0x90, "reserved"}, /* dcs */
  {"group", 0xF0, 0xA0, 0xA0, "reserved"}, /* dcs */
  {"group", 0xF0, 0xB0, 0xB0, "reserved"}, /* dcs */
  {"group", 0xF0, 0xC0, 0xC0, "mwi_discard"}, /* dcs */
  {"group", 0xF0, 0xD0, 0xD0, "mwi_store_gsm7"}, /* dcs */
  {"group", 0xF0, 0xE0, 0xE0, "mwi_store_ucs2"}, /* dcs */
  {"group", 0xF0, 0xF0, 0xF0, "data_coding_message_class"}, /* dcs */
  {"general.compressed", 0x20, 0x20, 0x20, "compressed"}, /* dcs */
  {"general.has_class", 0x10, 0x10, 0x10, "class_meaningful"}, /* dcs */
  {"general.charset", 0x0C, 0x00, 0x00, "gsm7"}, /* dcs */
  {"general.charset", 0x0C, 0x04, 0x04, "8bit"}, /* dcs */
  {"general.charset", 0x0C, 0x08, 0x08, "ucs2"}, /* dcs */
  {"general.charset", 0x0C, 0x0C, 0x0C, "reserved"}, /* dcs */
  {"class", 0x03, 0x00, 0x00, "class_0_flash"}, /* dcs */
  {"class", 0x03, 0x01, 0x01, "class_1_me"}, /* dcs */
  {"class", 0x03, 0x02, 0x02, "class_2_sim"}, /* dcs */
  {"class", 0x03, 0x03, 0x03, "class_3_te"}, /* dcs */
  {"mwi.sense", 0x08, 0x00, 0x00, "inactive"}, /* dcs */
  {"mwi.sense", 0x08, 0x08, 0x08, "active"}, /* dcs */
  {"mwi.type", 0x03, 0x00, 0x00, "voicemail"}, /* dcs */
  {"mwi.type", 0x03, 0x01, 0x01, "fax"}, /* dcs */
  {"mwi.type", 0x03, 0x02, 0x02, "email"}, /* dcs */
  {"mwi.type", 0x03, 0x03, 0x03, "other"}, /* dcs */
  {"groupF.charset", 0x04, 0x00, 0x00, "gsm7"}, /* dcs */
  {"groupF.charset", 0x04, 0x04, 0x04, "8bit"}, /* dcs */
  {"", 0xFF, 0x01, 0x01, "ansi_136_access_denied"}, /* network_error_type */
  {"", 0xFF, 0x02, 0x02, "is_95_access_denied"}, /* network_error_type */
  {"", 0xFF, 0x03, 0x03, "gsm"}, /* network_error_type */
  {"", 0xFF, 0x04, 0x04, "ansi_136_cause"}, /* network_error_type */
  {"", 0xFF, 0x05, 0x05, "is_95_cause"}, /* network_error_type */
  {"", 0xFF, 0x06, 0x06, "ansi_41_error"}, /* network_error_type */
  {"", 0xFF, 0x07, 0x07, "smpp_error"}, /* network_error_type */
  {"", 0xFF, 0x08, 0x08, "mc_specific"}, /* network_error_type */
  {"", 0xFF, 0, 0, "idle"}, /* congestion_state */
  {"", 0xFF, 1, 29, "low_load"}, /* congestion_state */
  {"", 0xFF, 30, 49, "medium_load"}, /* congestion_state */
  {"", 0xFF, 50, 79, "high_load"}, /* congestion_state */
  {"", 0xFF, 80, 89, "optimum_load"}, /* congestion_state */
  {"", 0xFF, 90, 99, "nearing_congestion"}, /* congestion_state */
  {"", 0xFF, 100, 100, "congested"}, /* congestion_state */
  {"", 0xFF, 0x00, 0x00, "unknown"}, /* addr_subunit */
  {"", 0xFF, 0x01, 0x01, "ms_display"}, /* addr_subunit */
  {"", 0xFF, 0x02, 0x02, "mobile_equipment"}, /* addr_subunit */
  {"", 0xFF, 0x03, 0x03, "smart_card_1"}, /* addr_subunit */
  {"", 0xFF, 0x04, 0x04, "external_unit_1"}, /* addr_subunit */
  {"", 0xFF, 0x00, 0x00, "unknown"}, /* network_type */
  {"", 0xFF, 0x01, 0x01, "gsm"}, /* network_type */
  {"", 0xFF, 0x02, 0x02, "ansi_136_tdma"}, /* network_type */
  {"", 0xFF, 0x03, 0x03, "is_95_cdma"}, /* network_type */
  {"", 0xFF, 0x04, 0x04, "pdc"}, /* network_type */
  {"", 0xFF, 0x05, 0x05, "phs"}, /* network_type */
  {"", 0xFF, 0x06, 0x06, "iden"}, /* network_type */
  {"", 0xFF, 0x07, 0x07, "amps"}, /* network_type */
  {"", 0xFF, 0x08, 0x08, "paging_network"}, /* network_type */
  {"", 0xFF, 0x00, 0x00, "unknown"}, /* bearer_type */
  {"", 0xFF, 0x01, 0x01, "sms"}, /* bearer_type */
  {"", 0xFF, 0x02, 0x02, "csd"}, /* bearer_type */
  {"", 0xFF, 0x03, 0x03, "packet_data"}, /* bearer_type */
  {"", 0xFF, 0x04, 0x04, "ussd"}, /* bearer_type */
  {"", 0xFF, 0x05, 0x05, "cdpd"}, /* bearer_type */
  {"", 0xFF, 0x06, 0x06, "datatac"}, /* bearer_type */
  {"", 0xFF, 0x07, 0x07, "flex_reflex"}, /* bearer_type */
  {"", 0xFF, 0x08, 0x08, "cell_broadcast"}, /* bearer_type */
  {"", 0xFF, 0x00, 0x00, "default_wdp"}, /* payload_type */
  {"", 0xFF, 0x01, 0x01, "wcmp"}, /* payload_type */
  {"", 0xFF, 0x00, 0x00, "not_restricted"}, /* privacy_indicator */
  {"", 0xFF, 0x01, 0x01, "restricted"}, /* privacy_indicator */
  {"", 0xFF, 0x02, 0x02, "confidential"}, /* privacy_indicator */
  {"", 0xFF, 0x03, 0x03, "secret"}, /* privacy_indicator */
  {"", 0xFF, 0x00, 0x00, "unspecified"}, /* language_indicator */
  {"", 0xFF, 0x01, 0x01, "english"}, /* language_indicator */
  {"", 0xFF, 0x02, 0x02, "french"}, /* language_indicator */
  {"", 0xFF, 0x03, 0x03, "spanish"}, /* language_indicator */
  {"", 0xFF, 0x04, 0x04, "german"}, /* language_indicator */
  {"", 0xFF, 0x05, 0x05, "portuguese"}, /* language_indicator */
  {"", 0xFF, 0x00, 0x00, "temporary"}, /* display_time */
  {"", 0xFF, 0x01, 0x01, "default"}, /* display_time */
  {"", 0xFF, 0x02, 0x02, "invoke"}, /* display_time */
  {"", 0xFF, 0x00, 0x00, "store_indefinitely"}, /* ms_validity */
  {"", 0xFF, 0x01, 0x01, "power_down"}, /* ms_validity */
  {"", 0xFF, 0x02, 0x02, "registration_area"}, /* ms_validity */
  {"", 0xFF, 0x03, 0x03, "display_only"}, /* ms_validity */
  {"", 0xFF, 0x04, 0x04, "relative_period"}, /* ms_validity */
  {"unit", 0xFF, 0x00, 0x00, "seconds"}, /* ms_validity */
  {"unit", 0xFF, 0x01, 0x01, "minutes"}, /* ms_validity */
  {"unit", 0xFF, 0x02, 0x02, "hours"}, /* ms_validity */
  {"unit", 0xFF, 0x03, 0x03, "days"}, /* ms_validity */
  {"unit", 0xFF, 0x04, 0x04, "weeks"}, /* ms_validity */
  {"unit", 0xFF, 0x05, 0x05, "months"}, /* ms_validity */
  {"unit", 0xFF, 0x06, 0x06, "years"}, /* ms_validity */
  {"", 0xFF, 0x00, 0x00, "not_set"}, /* dpf_result */
  {"", 0xFF, 0x01, 0x01, "set"}, /* dpf_result */
  {"", 0xFF, 0x00, 0x00, "not_requested"}, /* set_dpf */
  {"", 0xFF, 0x01, 0x01, "requested"}, /* set_dpf */
  {"", 0xFF, 0x00, 0x00, "available"}, /* ms_availability_status */
  {"", 0xFF, 0x01, 0x01, "denied"}, /* ms_availability_status */
  {"", 0xFF, 0x02, 0x02, "unavailable"}, /* ms_availability_status */
  {"", 0xFF, 0x00, 0x00, "destination_unavailable"}, /* delivery_failure_reason */
  {"", 0xFF, 0x01, 0x01, "destination_invalid"}, /* delivery_failure_reason */
  {"", 0xFF, 0x02, 0x02, "permanent_network_error"}, /* delivery_failure_reason */
  {"", 0xFF, 0x03, 0x03, "temporary_network_error"}, /* delivery_failure_reason */
  {"", 0xFF, 0x00, 0x00, "no"}, /* more_messages_to_send */
  {"", 0xFF, 0x01, 0x01, "yes"}, /* more_messages_to_send */
  {"", 0xFF, 0x00, 0x00, "digit"}, /* its_reply_type */
  {"", 0xFF, 0x01, 0x01, "number"}, /* its_reply_type */
  {"", 0xFF, 0x02, 0x02, "telephone"}, /* its_reply_type */
  {"", 0xFF, 0x03, 0x03, "password"}, /* its_reply_type */
  {"", 0xFF, 0x04, 0x04, "character_line"}, /* its_reply_type */
  {"", 0xFF, 0x05, 0x05, "menu"}, /* its_reply_type */
  {"", 0xFF, 0x06, 0x06, "date"}, /* its_reply_type */
  {"", 0xFF, 0x07, 0x07, "time"}, /* its_reply_type */
  {"", 0xFF, 0x08, 0x08, "continue"}, /* its_reply_type */
  {"", 0xFF, 0x00, 0x00, "basic"}, /* broadcast_channel_indicator */
  {"", 0xFF, 0x01, 0x01, "extended"}, /* broadcast_channel_indicator */
  {"", 0xFF, 0x00, 0x00, "none"}, /* broadcast_message_class */
  {"", 0xFF, 0x01, 0x01, "class_1"}, /* broadcast_message_class */
  {"", 0xFF, 0x02, 0x02, "class_2"}, /* broadcast_message_class */
  {"", 0xFF, 0x03, 0x03, "class_3"}, /* broadcast_message_class */
  {"", 0xFF, 0x00, 0x00, "default"}, /* alert_on_message_delivery */
  {"", 0xFF, 0x01, 0x01, "low"}, /* alert_on_message_delivery */
  {"", 0xFF, 0x02, 0x02, "medium"}, /* alert_on_message_delivery */
  {"", 0xFF, 0x03, 0x03, "high"}, /* alert_on_message_delivery */
  {"", 0xFF, 0x00, 0x00, "not_queried"}, /* dest_addr_np_resolution */
  {"", 0xFF, 0x01, 0x01, "queried_not_ported"}, /* dest_addr_np_resolution */
  {"", 0xFF, 0x02, 0x02, "queried_ported"}, /* dest_addr_np_resolution */
  {"", 0xFF, 0x00, 0x00, "generic"}, /* broadcast_content_network */
  {"", 0xFF, 0x01, 0x01, "gsm"}, /* broadcast_content_network */
  {"", 0xFF, 0x02, 0x02, "tdma"}, /* broadcast_content_network */
  {"", 0xFF, 0x03, 0x03, "cdma"}, /* broadcast_content_network */
  {"", 0xFF, 0x00, 0x00, "alias"}, /* broadcast_area_format */
  {"", 0xFF, 0x01, 0x01, "ellipsoid_arc"}, /* broadcast_area_format */
  {"", 0xFF, 0x02, 0x02, "polygon"}, /* broadcast_area_format */
  {"", 0xFF, 0x00, 0x00, "pssd_indication"}, /* ussd_service_op */
  {"", 0xFF, 0x01, 0x01, "pssr_indication"}, /* ussd_service_op */
  {"", 0xFF, 0x02, 0x02, "ussr_request"}, /* ussd_service_op */
  {"", 0xFF, 0x03, 0x03, "ussn_request"}, /* ussd_service_op */
  {"", 0xFF, 0x10, 0x10, "pssd_response"}, /* ussd_service_op */
  {"", 0xFF, 0x11, 0x11, "pssr_response"}, /* ussd_service_op */
  {"", 0xFF, 0x12, 0x12, "ussr_confirm"}, /* ussd_service_op */
  {"", 0xFF, 0x13, 0x13, "ussn_confirm"}, /* ussd_service_op */
  {"", 0xFF, 0x20, 0xFF, "vendor_specific"}, /* ussd_service_op */
  {"", 0xFF, 0x00, 0x00, "as_often_as_possible"}, /* broadcast_frequency_unit */
  {"", 0xFF, 0x08, 0x08, "seconds"}, /* broadcast_frequency_unit */
  {"", 0xFF, 0x09, 0x09, "minutes"}, /* broadcast_frequency_unit */
  {"", 0xFF, 0x0A, 0x0A, "hours"}, /* broadcast_frequency_unit */
  {"", 0xFF, 0x0B, 0x0B, "days"}, /* broadcast_frequency_unit */
  {"", 0xFF, 0x0C, 0x0C, "weeks"}, /* broadcast_frequency_unit */
  {"", 0xFF, 0x0D, 0x0D, "months"}, /* broadcast_frequency_unit */
  {"", 0xFF, 0x0E, 0x0E, "years"}, /* broadcast_frequency_unit */
  {"", 0xFF, 0x80, 0x80, "nsap_even"}, /* subaddress_type */
  {"", 0xFF, 0x88, 0x88, "nsap_odd"}, /* subaddress_type */
  {"", 0xFF, 0xA0, 0xA0, "user_specified"}, /* subaddress_type */
  {"", 0x80, 0x80, 0x80, "active"}, /* ms_msg_wait_facilities */
  {"", 0x80, 0x00, 0x00, "inactive"}, /* ms_msg_wait_facilities */
  {"", 0x03, 0x00, 0x00, "voicemail"}, /* ms_msg_wait_facilities */
  {"", 0x03, 0x01, 0x01, "fax"}, /* ms_msg_wait_facilities */
  {"", 0x03, 0x02, 0x02, "email"}, /* ms_msg_wait_facilities */
  {"", 0x03, 0x03, 0x03, "other"}, /* ms_msg_wait_facilities */
  {"presentation", 0x0C, 0x00, 0x00, "allowed"}, /* callback_num_pres_ind */
  {"presentation", 0x0C, 0x04, 0x04, "restricted"}, /* callback_num_pres_ind */
  {"presentation", 0x0C, 0x08, 0x08, "not_available"}, /* callback_num_pres_ind */
  {"presentation", 0x0C, 0x0C, 0x0C, "reserved"}, /* callback_num_pres_ind */
  {"screening", 0x03, 0x00, 0x00, "user_not_screened"}, /* callback_num_pres_ind */
  {"screening", 0x03, 0x01, 0x01, "user_verified_passed"}, /* callback_num_pres_ind */
  {"screening", 0x03, 0x02, 0x02, "user_verified_failed"}, /* callback_num_pres_ind */
  {"screening", 0x03, 0x03, 0x03, "network"}, /* callback_num_pres_ind */
  {"digit_mode", 0x01, 0x00, 0x00, "dtmf_tbcd"}, /* callback_num */
  {"digit_mode", 0x01, 0x01, 0x01, "ascii"}, /* callback_num */
  {"", 0xFFFF, 0x0000, 0x0000, "index"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0001, 0x0001, "emergency"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0002, 0x0002, "irdb_download"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0010, 0x0010, "news_flashes"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0011, 0x0011, "news_local"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0012, 0x0012, "news_regional"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0013, 0x0013, "news_national"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0014, 0x0014, "news_international"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0015, 0x0015, "business_local"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0016, 0x0016, "business_regional"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0017, 0x0017, "business_national"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0018, 0x0018, "business_international"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0019, 0x0019, "sports_local"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x001A, 0x001A, "sports_regional"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x001B, 0x001B, "sports_national"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x001C, 0x001C, "sports_international"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x001D, 0x001D, "entertainment_local"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x001E, 0x001E, "entertainment_regional"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x001F, 0x001F, "entertainment_national"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0020, 0x0020, "entertainment_international"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0021, 0x0021, "medical"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0022, 0x0022, "doctors"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0023, 0x0023, "pharmacy"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0030, 0x0030, "local_traffic"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0031, 0x0031, "long_distance_traffic"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0032, 0x0032, "taxis"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0033, 0x0033, "weather"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0034, 0x0034, "airport_schedules"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0035, 0x0035, "restaurants"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0036, 0x0036, "lodgings"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0037, 0x0037, "retail_directory"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0038, 0x0038, "advertisements"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0039, 0x0039, "stock_quotes"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0040, 0x0040, "employment"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0041, 0x0041, "technology_news"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0070, 0x0070, "district"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0071, 0x0071, "network_information"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0080, 0x0080, "operator_services"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0081, 0x0081, "directory_national"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0082, 0x0082, "directory_international"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0083, 0x0083, "customer_care_national"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0084, 0x0084, "customer_care_international"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0085, 0x0085, "local_date_time"}, /* broadcast_content_type */
  {"", 0xFFFF, 0x0100, 0x0100, "multi_category"}, /* broadcast_content_type */
  {"", 0xFF, 0x00, 0x00, "default"}, /* national_language */
  {"", 0xFF, 0x01, 0x01, "turkish"}, /* national_language */
  {"", 0xFF, 0x02, 0x02, "spanish"}, /* national_language */
  {"", 0xFF, 0x03, 0x03, "portuguese"}, /* national_language */
  {"", 0xFF, 0x04, 0x04, "bengali"}, /* national_language */
  {"", 0xFF, 0x05, 0x05, "gujarati"}, /* national_language */
  {"", 0xFF, 0x06, 0x06, "hindi"}, /* national_language */
  {"", 0xFF, 0x07, 0x07, "kannada"}, /* national_language */
  {"", 0xFF, 0x08, 0x08, "malayalam"}, /* national_language */
  {"", 0xFF, 0x09, 0x09, "oriya"}, /* national_language */
  {"", 0xFF, 0x0A, 0x0A, "punjabi"}, /* national_language */
  {"", 0xFF, 0x0B, 0x0B, "tamil"}, /* national_language */
  {"", 0xFF, 0x0C, 0x0C, "telugu"}, /* national_language */
  {"", 0xFF, 0x0D, 0x0D, "urdu"}, /* national_language */
};

/* place 0 is for fields without names for their values */
static const struct smpp_enum_set enum_sets[] = {
  {"", 0, 0},
  {"ton", 0, 8},
  {"npi", 8, 10},
  {"esm_class", 18, 14},
  {"registered_delivery", 32, 10},
  {"priority_flag", 42, 21},
  {"replace_if_present_flag", 63, 2},
  {"message_state", 65, 10},
  {"dest_flag", 75, 2},
  {"interface_version", 77, 3},
  {"data_coding", 80, 64},
  {"dcs", 144, 28},
  {"network_error_type", 172, 8},
  {"congestion_state", 180, 7},
  {"addr_subunit", 187, 5},
  {"network_type", 192, 9},
  {"bearer_type", 201, 9},
  {"payload_type", 210, 2},
  {"privacy_indicator", 212, 4},
  {"language_indicator", 216, 6},
  {"display_time", 222, 3},
  {"ms_validity", 225, 12},
  {"dpf_result", 237, 2},
  {"set_dpf", 239, 2},
  {"ms_availability_status", 241, 3},
  {"delivery_failure_reason", 244, 4},
  {"more_messages_to_send", 248, 2},
  {"its_reply_type", 250, 9},
  {"broadcast_channel_indicator", 259, 2},
  {"broadcast_message_class", 261, 4},
  {"alert_on_message_delivery", 265, 4},
  {"dest_addr_np_resolution", 269, 3},
  {"broadcast_content_network", 272, 4},
  {"broadcast_area_format", 276, 3},
  {"ussd_service_op", 279, 9},
  {"broadcast_frequency_unit", 288, 8},
  {"subaddress_type", 296, 3},
  {"ms_msg_wait_facilities", 299, 6},
  {"callback_num_pres_ind", 305, 8},
  {"callback_num", 313, 2},
  {"broadcast_content_type", 315, 44},
  {"national_language", 359, 14},
};

#endif
